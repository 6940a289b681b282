use super::*;
use crate::config::Config;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// `drained` counts the calls of the callback for an empty queue.
fn queue_of_one_thread(dir: &Path, index: Index, shutdown: &Shutdown, drained: Arc<AtomicUsize>) -> Queue {
    let service = Config::parse("").unwrap().service;
    let disk_space = Arc::new(DiskSpace::new(dir, shutdown.clone()));
    let rules = Rules {
        threads: 1,
        preempt: true,
        idle: Duration::from_secs(3600),
        drained: Box::new(move || {
            drained.fetch_add(1, Ordering::SeqCst);
        }),
        look_at: Box::new(drop),
        gave_up: Box::new(|| ()),
    };
    Queue::new(index, Throttle::new(service.background, service.windows), disk_space, shutdown.clone(), rules)
}

/// A walk without results wakes the queue and then recognition, which waits while files may be queued.
#[test]
fn whoever_waits_for_an_empty_queue_is_told_also_where_nothing_was_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::open_indexing(dir.path(), || ()).unwrap();
    let (shutdown, told) = (Shutdown::default(), Arc::new(AtomicUsize::new(0)));
    let queue = queue_of_one_thread(dir.path(), index, &shutdown, told.clone());
    let until = |what: &str, is: &dyn Fn() -> bool| {
        let begun = Instant::now();
        while !is() && begun.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(5));
        }
        (!is()).then(|| what.to_owned())
    };
    let missed = std::thread::scope(|s| {
        s.spawn(|| queue.next(0, &mut || ()));
        let empty = until("it is empty", &|| queue.is_idle());
        queue.wake();
        let missed = empty.or(until("somebody is told", &|| told.load(Ordering::SeqCst) > 0));
        shutdown.request(15);
        queue.stop();
        missed
    });
    assert_eq!(missed, None);
}

#[test]
fn a_queue_that_cannot_be_read_is_an_error_and_not_drained() {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::open_indexing(dir.path(), || ()).unwrap();
    let told = Arc::new(AtomicUsize::new(0));
    let queue = queue_of_one_thread(dir.path(), index.another().unwrap(), &Shutdown::default(), told.clone());
    albumen_index::testing::drop_queue(&index);
    queue.wake();
    assert!(queue.next(0, &mut || ()).is_err());
    assert_eq!((queue.is_idle(), told.load(Ordering::SeqCst)), (false, 0));
}
