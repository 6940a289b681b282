//! Progress of a run: a live display on a terminal, periodic lines elsewhere, a table at the end.

use super::say;
use albumen_core::printable::printable;
use albumen_engine::pipeline::progress::Progress;
use albumen_engine::pipeline::run::Summary;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The interval between updates on a terminal.
const REDRAW: Duration = Duration::from_millis(200);
/// The interval between lines without a terminal (a log, cron).
const LINE_EVERY: Duration = Duration::from_secs(30);

/// Shows progress until it is dropped.
pub(crate) struct Display {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Display {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(t) = self.thread.take() {
            let _ = t.join();
        }
    }
}

/// Starts the display; nothing is shown with `quiet`.
pub(crate) fn start(progress: Arc<Progress>, quiet: bool) -> Display {
    if quiet {
        return Display { stop: None, thread: None };
    }
    let (stop, stopped) = channel::<()>();
    let terminal = std::io::stderr().is_terminal();
    let thread = std::thread::Builder::new().name("display".into()).spawn(move || {
        let begun = Instant::now();
        let bar = if terminal {
            ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr())
        } else {
            ProgressBar::hidden()
        };
        bar.set_style(
            ProgressStyle::with_template("{wide_bar:.green} {pos}/{len}\n{msg}")
                .expect("the template is a constant"),
        );
        let every = if terminal { REDRAW } else { LINE_EVERY };
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(every) {
            let (words, done, todo) = words(&progress, begun);
            if terminal {
                bar.set_length(todo);
                bar.set_position(done);
                bar.set_message(words);
            } else {
                eprintln!("albumen: {done}/{todo} done. {words}");
            }
        }
        bar.finish_and_clear();
    });
    Display { stop: Some(stop), thread: thread.ok() }
}

fn words(p: &Progress, begun: Instant) -> (String, u64, u64) {
    let done = Progress::get(&p.developed) + Progress::get(&p.recognised);
    let todo = Progress::get(&p.to_develop) + Progress::get(&p.to_recognise);
    let seconds = begun.elapsed().as_secs_f64();
    let rate = done as f64 / seconds.max(0.001);
    let mut words = format!(
        "{} found, {} developed, {} looked at for faces and subjects, {} failed, {rate:.1}/s",
        Progress::get(&p.found),
        Progress::get(&p.developed),
        Progress::get(&p.recognised),
        Progress::get(&p.failed)
    );
    if done > 0 && todo > done {
        words += &format!(", {} left", duration((todo - done) as f64 / rate));
    }
    if let Some((path, for_s)) = p.slowest_now()
        && for_s > 0.5
    {
        words += &format!("\nnow for {for_s:.0} s: {}", printable(&path));
    }
    (words, done, todo)
}

/// Seconds as text: `42 s`, `3 min`, `2 h 10 min`, `3 days`.
pub(crate) fn duration(seconds: f64) -> String {
    let s = seconds.round() as u64;
    match s {
        0..=119 => format!("{s} s"),
        120..=7199 => format!("{} min", s / 60),
        7200..=172_799 => format!("{} h {} min", s / 3600, s % 3600 / 60),
        _ => format!("{} days", s / 86_400),
    }
}

/// The number of unsupported files by extension: `12 .rmvb, 3 .swf`, most first.
pub(crate) fn unread(by_extension: &BTreeMap<String, u64>) -> String {
    let mut kinds: Vec<(&String, &u64)> = by_extension.iter().collect();
    kinds.sort_by_key(|(_, files)| std::cmp::Reverse(**files));
    kinds.iter().map(|(extension, files)| format!("{files} .{extension}")).collect::<Vec<_>>().join(", ")
}

/// The table at the end of a run.
pub(crate) fn closing_table(s: &Summary, index: &Path) {
    let kinds: Vec<String> = s.by_kind.iter().map(|(k, n)| format!("{n} {k}s")).collect();
    say(format_args!(
        "{} files found{}",
        s.found,
        if kinds.is_empty() { String::new() } else { format!(": {}", kinds.join(", ")) }
    ));
    if !s.unread.is_empty() {
        say(format_args!("not read: {}", unread(&s.unread)));
    }
    say(format_args!(
        "{:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10}",
        "new", "changed", "moved", "unchanged", "removed", "offline", "failed"
    ));
    say(format_args!(
        "{:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10}",
        s.new, s.changed, s.moved, s.unchanged, s.removed, s.offline, s.failed
    ));
    if !s.stage_cpu_s.is_empty() {
        let stages: Vec<String> = s.stage_cpu_s.iter().map(|(k, v)| format!("{k} {v:.1} s")).collect();
        say(format_args!("CPU: {}", stages.join(", ")));
    }
    say(format_args!(
        "{} in all, {} MB of memory at the most",
        duration(s.wall_s),
        s.peak_pss_bytes / 1_000_000
    ));
    if s.unseen > 0 {
        say(format_args!("Folders that were not walked: {}", s.unseen));
    }
    if s.failed + s.unseen > 0 {
        say(format_args!("What failed, and why: albumen --index {} failures", index.display()));
    }
    say(format_args!("The index: {}", index.join(albumen_index::DATABASE).display()));
}
