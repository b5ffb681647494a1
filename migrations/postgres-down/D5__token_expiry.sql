-- Lost: when tokens expire. Those that were to expire are revoked, as of that moment, and stay so.
--
-- A version that does not know the moment would accept them for ever.

UPDATE api_tokens SET is_active = FALSE, revoked_at = expires_at WHERE is_active AND expires_at IS NOT NULL;
DROP INDEX api_tokens_by_expiry;
ALTER TABLE api_tokens DROP COLUMN expires_at;
