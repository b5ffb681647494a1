-- Lost: all values of the plugins, and how far each source of events was read: what is recorded from it again is counted
-- twice.

DROP TABLE plugin_value_versions;
DROP TABLE plugin_values;
DROP TABLE source_positions;
