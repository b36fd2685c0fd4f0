//! What the operator wrote about HTTPS -> TLS for each listener that has it, and what keeps its certificates fresh.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use tokio::signal::unix::Signal;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::info;

use crate::config::{self, Certificates};
use crate::front::tls::acme::{self, Acme};
use crate::front::tls::certificates::Pair;
use crate::front::tls::{self, Cause, Source, Tls};

/// The certificates of all listeners.
#[derive(Default)]
pub(super) struct Https {
    listeners: Vec<Arc<Tls>>,
    /// With what each was ordered by: listeners that say the same share it.
    acme: Vec<(config::Acme, Arc<Acme>)>,
}

impl Https {
    /// # Errors
    /// A certificate cannot be used.
    pub fn tls(&mut self, wanted: &config::Https) -> anyhow::Result<Option<Arc<Tls>>> {
        let source = match &wanted.certificates {
            None => return Ok(None),
            Some(Certificates::Files(files)) => Source::Files(files.iter().map(pair).collect()),
            Some(Certificates::Acme(acme)) => Source::Acme(self.acme(acme)?),
        };
        let authorities = wanted.client_ca_file.as_ref().map(PathBuf::from);
        let tls = Arc::new(Tls::new(source, authorities)?);
        self.listeners.push(Arc::clone(&tls));
        Ok(Some(tls))
    }

    fn acme(&mut self, wanted: &config::Acme) -> anyhow::Result<Arc<Acme>> {
        if let Some((_, acme)) = self.acme.iter().find(|(known, _)| known == wanted) {
            return Ok(Arc::clone(acme));
        }
        let acme = Arc::new(Acme::new(acme::Options {
            domains: wanted.domains.clone(),
            contact: wanted.contact.clone(),
            directory: wanted.directory.clone(),
            cache: PathBuf::from(&wanted.cache),
            ca_file: wanted.ca_file.as_ref().map(PathBuf::from),
        })?);
        self.acme.push((wanted.clone(), Arc::clone(&acme)));
        Ok(acme)
    }

    /// Keeps certificates fresh until `closing`.
    pub fn tend(self, hangup: Signal, tasks: &TaskTracker, closing: &CancellationToken) {
        let spawn = |task: Task| _ = tasks.spawn(closing.clone().run_until_cancelled_owned(task));
        let all: Arc<[Arc<Tls>]> = self.listeners.into();
        if !all.is_empty() {
            spawn(Box::pin(tls::watch(Arc::clone(&all), tls::LOOK)));
        }
        for (_, acme) in self.acme {
            spawn(Box::pin(async move { acme.run().await }));
        }
        spawn(Box::pin(obey(hangup, all)));
    }
}

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

fn pair(files: &config::CertificateFiles) -> Pair {
    Pair {
        certificate: PathBuf::from(&files.certificate),
        key: PathBuf::from(&files.key),
    }
}

/// Reads everything again at each SIGHUP, whether it looks changed or not.
async fn obey(mut hangup: Signal, all: Arc<[Arc<Tls>]>) {
    while hangup.recv().await.is_some() {
        info!(
            listeners = all.len(),
            "SIGHUP: certificates are read again; all else stays as it is"
        );
        tls::look(&all, Cause::Asked).await;
    }
}
