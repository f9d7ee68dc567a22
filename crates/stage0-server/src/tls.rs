//! TLS, where it is configured.

use std::fmt;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::Tls;

/// What shakes hands.
#[derive(Clone)]
pub(crate) struct Handshake(pub(crate) TlsAcceptor);

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake").finish_non_exhaustive()
    }
}

/// What shakes hands with these certificates; what is wrong with them.
pub(crate) fn handshake(tls: &Tls) -> Result<Handshake, String> {
    let certificates: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_slice_iter(&tls.certificates).collect();
    let certificates =
        certificates.map_err(|error| format!("the certificates are no PEM: {error}"))?;
    if certificates.is_empty() {
        return Err("there is no certificate".to_owned());
    }
    // What is wrong with a private key is told without any of it.
    let key = PrivateKeyDer::from_pem_slice(&tls.key)
        .map_err(|_| "the private key is no PEM".to_owned())?;
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|error| format!("certificate and key do not fit: {error}"))?;
    Ok(Handshake(TlsAcceptor::from(Arc::new(config))))
}
