//! The walk of a target on a separate thread, which requests its memory from the scan.

use crate::pipeline::budget::MemoryBudget;
use crate::pipeline::volumes::Target;
use albumen_core::fault::Fault;
use albumen_core::vocabulary::Admission;
use albumen_files::ignore::Rules;
use albumen_files::mounts::MountTable;
use albumen_files::open::Root;
use albumen_files::patience::Beat;
use albumen_files::walk::{Folder, InnerMount, Walk, WalkError};
use crossbeam_channel::{Sender, bounded};

/// Message from a walk to the thread that writes the index.
pub(super) enum Step {
    Folder {
        folder: Result<Folder, WalkError>,
        start_is_gone: bool,
    },
    /// Memory needed for the listing of a folder, in bytes.
    Needs {
        bytes: u64,
        answer: Sender<Result<(), Fault>>,
    },
    End {
        start_is_gone: bool,
        not_entered: Vec<Vec<u8>>,
        inner: Vec<InnerMount>,
    },
}

/// Where a walk on a separate thread sends its changes and memory requests.
pub(super) struct Steps {
    pub(super) give: Sender<std::io::Result<Step>>,
    pub(super) budget: MemoryBudget,
}

impl Steps {
    /// False: the scan has abandoned this walk.
    fn give(&self, step: std::io::Result<Step>) -> bool {
        self.give.send(step).is_ok()
    }
}

impl Admission for Steps {
    /// Requests memory from the scan, which has processed the previous folders and released their memory by then.
    fn admit(&self, bytes: u64) -> Result<(), Fault> {
        let (answer, answered) = bounded(1);
        if !self.give(Ok(Step::Needs { bytes, answer })) {
            return Err(Fault::Cancelled);
        }
        answered.recv().unwrap_or(Err(Fault::Cancelled))
    }

    fn ceiling(&self) -> u64 {
        self.budget.ceiling()
    }
}

/// Walks a target on a separate thread and sends what it finds.
pub(super) fn walk_aside(
    root: &Root,
    target: &Target,
    rules: Rules,
    left_out: Vec<Vec<u8>>,
    beat: &Beat,
    steps: &Steps,
) {
    let mounts = match MountTable::try_read() {
        Ok(mounts) => mounts,
        Err(e) => {
            steps.give(Err(e));
            return;
        }
    };
    let mut walk = Walk::with_mounts(root, &target.start, rules, mounts)
        .within(steps)
        .without(left_out)
        .no_further_than(target.reach)
        .telling(beat.clone());
    while let Some(folder) = walk.next() {
        let start_is_gone = walk.start_is_gone();
        if !steps.give(Ok(Step::Folder { folder, start_is_gone })) {
            return;
        }
        beat.tick();
    }
    let (start_is_gone, not_entered) = (walk.start_is_gone(), walk.not_entered().to_vec());
    let inner = walk.inner_mounts().to_vec();
    steps.give(Ok(Step::End { start_is_gone, not_entered, inner }));
}
