//! Keeps the results of a worker: writes new pictures to the store, and reuses those that another file has.

use super::Developer;
use super::job_source::JobSource;
use crate::pipeline::keys;
use crate::pipeline::recorder::FileRecord;
use albumen_core::fault::Fault;
use albumen_core::store_dir;
use albumen_core::vocabulary::Developed;
use albumen_files::hash::Hashed;
use albumen_files::open::{Root, stat_beneath};
use albumen_files::patience::{self, Beat};
use albumen_files::relative;
use albumen_files::volume::{self, Fingerprint};
use albumen_index::Error as IndexError;
use albumen_index::record::{DerivativeRow, Elsewhere, Outcome};

/// The result of storing the derivatives of a file.
pub(super) enum Kept {
    All,
    Stopped,
    NotNow(Fault),
}

impl Developer {
    /// Stores the derivatives and records the outcomes.
    pub(super) fn keep(&mut self, rec: &mut FileRecord, developed: Developed) -> Result<Kept, IndexError> {
        let progress = &self.shared.progress;
        progress.stage_cpu("inspect", developed.cpu.inspect_s);
        progress.stage_cpu("decode", developed.cpu.decode_s);
        progress.stage_cpu("render", developed.cpu.render_s);
        rec.facts = Some(developed.facts);
        match developed.pictures {
            None => {}
            Some(Err(Fault::Cancelled)) => return Ok(Kept::Stopped),
            Some(Err(fault @ Fault::Unavailable { .. })) => {
                rec.render = Some(Outcome::Failed(fault.clone()));
                return Ok(Kept::NotNow(fault));
            }
            Some(Err(fault)) => {
                self.count_failure(&fault);
                rec.render = Some(Outcome::Failed(fault));
            }
            Some(Ok(pictures)) => {
                let key = keys::render_path_key(&self.shared.stages.render);
                let hash = rec.content_hash.as_deref().expect("set before");
                let format = rec.facts.as_ref().and_then(|f| f.format);
                let preview = format.is_some_and(|f| !f.browser_shows());
                let rows = match self.shared.store.write(hash, &key, &pictures.renditions, preview) {
                    Ok(rows) => rows,
                    // A foreign file blocks the derivatives of this content only.
                    Err(e) if store_dir::is_foreign(&e) => {
                        let fault = Fault::unreadable(format_args!("its thumbnails cannot be stored: {e}"));
                        self.count_failure(&fault);
                        rec.render = Some(Outcome::Failed(fault));
                        return Ok(Kept::All);
                    }
                    Err(e) => return Err(e.into()),
                };
                rec.derivatives = Some(rows);
                rec.thumbhash = Some(pictures.thumbhash);
                rec.render = Some(match pictures.damaged {
                    Some(why) => Outcome::Damaged(why),
                    None => Outcome::Done,
                });
            }
        }
        Ok(Kept::All)
    }

    /// Rule 3 of identity for files that no walk of this run has covered: a file of this content whose path no longer
    /// exists, on a volume that is mounted and unchanged.
    pub(super) fn moved_from(
        &self,
        folder: i64,
        hashed: &Hashed,
        source: &dyn JobSource,
    ) -> Result<Option<Elsewhere>, IndexError> {
        let is_gone = |file: &Elsewhere| {
            let was: Option<Fingerprint> =
                file.fingerprint.as_deref().and_then(|json| serde_json::from_str(json).ok());
            let Some(was) = was else { return false };
            let is_inside = |(mount, _): &(Vec<u8>, i64)| relative::below(&file.path, mount).is_some();
            if was.inner.iter().any(is_inside) {
                return false;
            }
            let (volume, below) = (relative::on_disk(&[&file.volume]), file.path.clone());
            let look = move |_: &Beat| {
                let is_gone = |root: &Root| matches!(stat_beneath(root, &below), Ok(None));
                // The cheapest check first: usually the content is a copy of an existing file.
                Root::open(&volume).is_ok_and(|root| is_gone(&root))
                    && volume::reopen(&volume, &was).is_ok_and(|root| is_gone(&root))
            };
            let at = relative::on_disk(&[&file.volume, &file.path]);
            patience::call(&at, source.patience(), &|| self.cancel.is_cancelled(), look) == Ok(true)
        };
        let elsewhere = self.index.elsewhere(folder, &hashed.hash, &hashed.stat)?;
        Ok(elsewhere.into_iter().find(is_gone))
    }

    #[allow(clippy::type_complexity)]
    pub(super) fn rendered_before(
        &self,
        hash: &str,
    ) -> Result<Option<(Outcome, Vec<DerivativeRow>, Option<Vec<u8>>)>, IndexError> {
        let now = &self.shared.stages.render;
        let Some(outcome) = self.index.rendered_before(hash, now.version, &now.settings)? else {
            return Ok(None);
        };
        let rows = self.index.derivatives(hash)?;
        if rows.is_empty() || !rows.iter().all(|r| self.shared.store.has(r)) {
            return Ok(None);
        }
        Ok(Some((outcome, rows, self.index.thumbhash_of_content(hash)?)))
    }
}
