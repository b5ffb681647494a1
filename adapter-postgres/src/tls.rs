//! Encryption: what `sslmode` and its companions mean, with rustls.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use botstore_core::InvalidInput;
use botstore_core::url::{Roots, SslMode, Tls};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};

/// What makes connections encrypted; none if they are not to be.
///
/// # Errors
///
/// [`InvalidInput`] of `database_url`: a file that it names cannot be read, or holds something else.
pub(crate) fn connector(tls: &Tls) -> Result<Option<MakeRustlsConnect>, InvalidInput> {
    if tls.mode == SslMode::Disable {
        return Ok(None);
    }
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| invalid(format!("asks for TLS, which does not work: {error}")))?;
    let builder = match (tls.mode, &tls.roots) {
        (SslMode::VerifyFull, roots) => builder.with_root_certificates(trusted(roots)?),
        // As libpq has it: who names an authority wants it to be the one.
        (SslMode::VerifyCa, roots) | (SslMode::Require, roots @ Roots::File(_)) => builder
            .dangerous()
            .with_custom_certificate_verifier(AnyName::of(Some(trusted(roots)?), &provider)),
        _ => builder.dangerous().with_custom_certificate_verifier(AnyName::of(None, &provider)),
    };
    let config = match (&tls.certificate, &tls.key) {
        (None, None) => builder.with_no_client_auth(),
        (Some(certificate), Some(key)) => {
            let own = own_certificate(certificate, key, &provider)?;
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own)))
        }
        _ => return Err(invalid("names one of sslcert and sslkey, which need each other")),
    };
    Ok(Some(MakeRustlsConnect::new(config)))
}

/// This side's certificate, with its key.
fn own_certificate(
    certificate: &Path,
    key: &Path,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, InvalidInput> {
    let chain = certificates("sslcert", certificate)?;
    let signing = provider.key_provider.load_private_key(private_key(key)?).map_err(|error| {
        invalid(format!("names an sslkey {} that cannot be used: {error}", key.display()))
    })?;
    // Whatever the certificate's form is: the server judges it.
    let fits = signing.public_key().is_none_or(|own| chain.first().and_then(public_key) == Some(own));
    if !fits {
        return Err(invalid(format!(
            "names an sslcert {} and an sslkey {} that do not fit each other",
            certificate.display(),
            key.display()
        )));
    }
    Ok(CertifiedKey::new(chain, signing))
}

/// The key in a certificate, of whatever version that is: webpki knows version 3 only.
fn public_key(certificate: &CertificateDer<'_>) -> Option<SubjectPublicKeyInfoDer<'static>> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let key = certificate.tbs_certificate.subject_public_key_info.to_der().ok()?;
    Some(SubjectPublicKeyInfoDer::from(key))
}

fn trusted(roots: &Roots) -> Result<RootCertStore, InvalidInput> {
    let certificates = match roots {
        Roots::System => rustls_native_certs::load_native_certs().certs,
        Roots::File(path) => certificates("sslrootcert", path)?,
    };
    let mut store = RootCertStore::empty();
    let (usable, _) = store.add_parsable_certificates(certificates);
    match roots {
        _ if usable > 0 => Ok(store),
        Roots::System => Err(invalid(
            "asks for a server that the system's authorities vouch for, and the system has none: install its package \
             of CA certificates, or name a file as sslrootcert",
        )),
        Roots::File(path) => {
            Err(invalid(format!("names an sslrootcert {} without a usable certificate", path.display())))
        }
    }
}

fn certificates(parameter: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, InvalidInput> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(parameter, path)?).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => {
            Err(invalid(format!("names an {parameter} {} without a certificate in PEM form", path.display())))
        }
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, InvalidInput> {
    PrivateKeyDer::from_pem_slice(&read("sslkey", path)?).map_err(|_| {
        invalid(format!(
            "names an sslkey {} without a key in PEM form that needs no passphrase",
            path.display()
        ))
    })
}

fn read(parameter: &str, path: &Path) -> Result<Vec<u8>, InvalidInput> {
    fs::read(path).map_err(|error| {
        invalid(format!("names an {parameter} {} that cannot be read: {error}", path.display()))
    })
}

fn invalid(reason: impl Into<String>) -> InvalidInput {
    InvalidInput::new("database_url", reason)
}

/// Believes a server whatever name its certificate is for: that of a trusted authority, or without any roots
/// everyone's. That it has the certificate's key, it must prove either way.
#[derive(Debug)]
struct AnyName {
    roots: Option<RootCertStore>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl AnyName {
    fn of(roots: Option<RootCertStore>, provider: &CryptoProvider) -> Arc<Self> {
        Arc::new(Self { roots, algorithms: provider.signature_verification_algorithms })
    }
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(roots) = &self.roots {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            let algorithms = self.algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let verified = verify_tls13_signature(message, cert, dss, &self.algorithms);
        match (&verified, public_key(cert)) {
            // A certificate that is not looked at may be of any form, as long as there is a key in it.
            (Err(rustls::Error::InvalidCertificate(_)), Some(key)) if self.roots.is_none() => {
                verify_tls13_signature_with_raw_key(message, &key, dss, &self.algorithms)
            }
            _ => verified,
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
