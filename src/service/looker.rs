//! Recognition in the service: uploads first, then what is due, a picture at a time; ended when idle, which is how its
//! memory is really given back.

use super::Service;
use super::events::Event;
use super::tidier::Dirty;
use crate::config::Spaces;
use crate::index::due::Scope;
use crate::index::{Index, people};

use crate::pipeline::progress::Progress;
use crate::pipeline::recognising::{Job, Part, Position, Recognising, due_jobs};
use crate::pipeline::recorder::Record;
use crate::worker::RecogniserSettings;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Contents fetched at a time.
const FETCH: usize = 32;
/// While pictures keep coming, faces become people at most this often.
const CLUSTER_EVERY: Duration = Duration::from_secs(30);

/// What there may be to look at.
#[derive(Debug)]
pub enum Look {
    /// Files of these folders were settled.
    Folders(BTreeSet<i64>),
    /// All that is due, in the background.
    Background,
    Stop,
}

/// Runs until told to stop.
pub fn run(mut index: Index, service: &Arc<Service>, looks: Receiver<Look>, out: Sender<Record>) {
    let stages = &service.plan.stages;
    if stages.faces.is_none() && stages.subjects.is_none() {
        // Without models there is nothing to do but to hear the end.
        while !matches!(looks.recv(), Ok(Look::Stop) | Err(_)) {}
        return;
    }
    let another = match index.another() {
        Ok(i) => i,
        Err(e) => return tracing::error!("no recognition: {e}"),
    };
    let settings = RecogniserSettings::new(service.plan.models.clone(), 1);
    // A number that no developing thread has.
    let mut recognising = Recognising::new(service.shared.clone(), 1000, another, settings);
    let idle = service.config().recognise.idle.get();
    let mut folders: VecDeque<i64> = VecDeque::new();
    let mut background: Option<Position> = None;
    let mut may_be_more = false;
    // Spaces with faces that are nobody's yet.
    let mut spaces: BTreeSet<i64> = BTreeSet::new();
    let mut clustered = Instant::now();
    loop {
        if !spaces.is_empty() && folders.is_empty() && (!may_be_more || clustered.elapsed() > CLUSTER_EVERY) {
            for space in std::mem::take(&mut spaces) {
                if let Err(e) = cluster(&mut index, service, space) {
                    tracing::error!("faces wait to become people: {e}");
                }
            }
            let _ = service.tidier.send(Dirty::Jobs);
            clustered = Instant::now();
        }
        let working = !folders.is_empty() || may_be_more;
        let next = match working {
            true => looks.try_recv().map_err(|e| e.is_disconnected()),
            false => match looks.recv_timeout(idle) {
                Err(RecvTimeoutError::Timeout) => {
                    recognising.end();
                    looks.recv().map_err(|_| true)
                }
                other => other.map_err(|_| true),
            },
        };
        match next {
            Ok(Look::Stop) | Err(true) => break,
            Ok(Look::Folders(some)) => {
                folders.extend(some);
                continue;
            }
            Ok(Look::Background) => {
                may_be_more = true;
                // An interrupted run left them, or a request made them wait again.
                spaces.extend(index.spaces_to_cluster().unwrap_or_default());
                continue;
            }
            Err(false) => {}
        }
        if service.shared.shutdown.requested() {
            break;
        }
        let scope = match folders.pop_front() {
            Some(folder) => Scope::Folder(folder),
            // Background recognition waits until everything can be seen, and while it is held back.
            None if !service.gate.background_may_run() || !service.queue.is_idle() => {
                may_be_more = false;
                continue;
            }
            None => Scope::All,
        };
        let after = match scope {
            Scope::All => background.take().unwrap_or_default(),
            _ => Position::default(),
        };
        let whole = scope == Scope::All;
        let found = part(&index, service, scope.clone())
            .map_err(Into::into)
            .and_then(|part| due_jobs(&index, &part, &service.shared, &after, FETCH));
        match found {
            Ok((jobs, next)) => {
                let looked = !jobs.is_empty();
                Progress::add(&service.shared.progress.recognised, jobs.len() as u64);
                if looked {
                    spaces.extend(index.spaces_of(&scope).unwrap_or_default());
                }
                if look_at(&mut recognising, jobs, service, &out).is_none() {
                    break;
                }
                if whole {
                    may_be_more = next.is_some();
                    background = next;
                } else if next.is_some()
                    && let Scope::Folder(f) = scope
                {
                    folders.push_back(f);
                }
                if looked {
                    let _ = service.tidier.send(Dirty::Jobs);
                }
            }
            Err(e) => {
                tracing::error!("recognition stopped: {e}");
                may_be_more = false;
            }
        }
    }
    recognising.end();
}

/// Faces of a space become people, under what users have said.
fn cluster(index: &mut Index, service: &Service, space: i64) -> rusqlite::Result<()> {
    let stop = service.shared.shutdown.token().flag();
    let report = people::cluster_space(index, space, 1, stop)?;
    if !report.stopped {
        people::mark_done(index, space, &service.plan.people)?;
        for space in index.space_names(&[space])? {
            service.tell(Event::person_changed(None, space));
        }
    }
    Ok(())
}

/// `None` when the service is being stopped.
fn look_at(
    recognising: &mut Recognising,
    jobs: Vec<Job>,
    service: &Service,
    out: &Sender<Record>,
) -> Option<()> {
    let any = !jobs.is_empty();
    for job in jobs {
        for record in recognising.look(&job)? {
            if let Ok(index) = service.reader() {
                if let Ok(Some((path, space))) = index.path_and_space(record.file_id) {
                    service.tell(Event::recognised(record.file_id, &path, space));
                }
                service.give_back(index);
            }
            out.send(Record::Recognised(Box::new(record))).ok()?;
        }
    }
    if any {
        // The next look must see what was recorded, or it would do the same again.
        let (heard, done) = crossbeam_channel::bounded(1);
        out.send(Record::Flush(heard)).ok()?;
        done.recv().ok()?;
    }
    Some(())
}

/// What may be recognised in a scope: a space may have people or subjects off.
pub fn part(index: &Index, service: &Service, scope: Scope) -> rusqlite::Result<Part> {
    let names: Vec<String> = index.space_names(&index.spaces_of(&scope)?)?;
    let spaces = Spaces::resolve(&service.config().spaces);
    let on = |wants: fn(&crate::config::Space) -> bool| {
        names.iter().any(|n| spaces.iter().find(|s| s.name == *n).is_none_or(wants))
    };
    Ok(Part { scope, faces: on(|s| s.people), subjects: on(|s| s.subjects) })
}
