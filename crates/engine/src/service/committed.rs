//! Handles each commit of the recorder: updates the queue and counters, and publishes events.

use super::events::{self, Event};
use super::{PostCommitTask, Service};
use crate::pipeline::recorder::{Committed, Record};
use albumen_core::fault::Fault;
use albumen_index::Index;
use albumen_index::jobs::FileInSpace;
use albumen_index::record::Outcome;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// The commit handler: removes finished work from the queue, sends changed folders to the post-commit thread
/// ([`super::post_commit`]), and publishes events for items.
pub(super) fn committed(service: &Arc<Service>, index: Index) -> Committed {
    let service = Arc::downgrade(service);
    let index = Mutex::new(index);
    Arc::new(move |records: &[Record]| {
        let Some(service) = service.upgrade() else { return };
        let index = index.lock().unwrap_or_else(PoisonError::into_inner);
        let mut folders: BTreeSet<i64> = BTreeSet::new();
        let mut done = Vec::new();
        for r in records {
            // A failure to publish must not fail the commit.
            let _ = told(&service, &index, r);
            match r {
                Record::File(f) => {
                    done.push(f.pending_id);
                    folders.insert(f.folder_id);
                }
                Record::Touched { pending_id, .. } | Record::Dropped { pending_id } => done.push(*pending_id),
                Record::Recognised(_) | Record::Flush(_) => {}
            }
        }
        service.queue.committed(done.into_iter());
        if service.queue.is_idle() {
            index.shrink();
        }
        service.commits.send_modify(|n| *n += 1);
        let _ = service.post_commit.send(PostCommitTask::Background(folders));
    })
}

/// Counts a record that was committed, and publishes its event.
fn told(service: &Service, index: &Index, record: &Record) -> albumen_index::Result<()> {
    let is_failure = |fault: &&Fault| !matches!(fault, Fault::Unsupported { .. });
    match record {
        Record::File(f) => {
            let Some(file) = index.file_named(f.folder_id, &f.name)? else { return Ok(()) };
            let FileInSpace { id: item, path, space } = file;
            let outcomes = [Some(&f.inspect), f.render.as_ref()].into_iter().flatten();
            let mut faults = outcomes.filter_map(|o| match o {
                Outcome::Failed(fault) => Some(fault),
                _ => None,
            });
            let fault = faults.find(is_failure);
            service.counters.done(&space, |d| {
                d.developed += 1;
                d.failed += u64::from(fault.is_some());
            });
            let of = events::Of { item, path: &path, space: &space };
            service.tell(Event::item(of, fault.map(Fault::to_string)));
        }
        Record::Touched { file_id, .. } => {
            if let Some(FileInSpace { space, .. }) = index.file_in_space(*file_id)? {
                service.counters.done(&space, |d| d.developed += 1);
            }
        }
        Record::Recognised(r) => {
            let Some(FileInSpace { path, space, .. }) = index.file_in_space(r.file_id)? else {
                return Ok(());
            };
            let of = events::Of { item: r.file_id, path: &path, space: &space };
            let fault = r.answer.as_ref().err();
            service.counters.done(&space, |d| match fault {
                Some(_) => d.failed += 1,
                None => d.recognised += 1,
            });
            service.tell(match fault {
                Some(fault) => Event::item(of, Some(fault.to_string())),
                None => Event::recognised(of),
            });
        }
        Record::Dropped { .. } | Record::Flush(_) => {}
    }
    Ok(())
}
