//! The stages of processing. The table below is the only list of them.

use serde::{Deserialize, Serialize};

/// The properties of a stage.
#[derive(Debug)]
pub struct StageInfo {
    /// In the index, in JSON and on the command line.
    pub name: &'static str,
    /// The result, for users.
    pub result: &'static str,
    pub input: StageInput,
}

/// What a stage reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageInput {
    /// The file: the stage is done for each file that is not a sidecar.
    File,
    /// Results of earlier stages: done for each item, whose companions are left out.
    Results,
}

macro_rules! stages {
    ($($stage:ident $name:literal $input:ident $result:literal)*) => {
        /// A stage, as stored in `stage_state`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Stage {
            $(#[doc = $result] #[serde(rename = $name)] $stage,)*
        }

        impl Stage {
            pub const ALL: &[Stage] = &[$(Stage::$stage),*];

            /// The properties of this stage.
            pub fn info(self) -> &'static StageInfo {
                match self {
                    $(Stage::$stage => &StageInfo { name: $name, result: $result, input: StageInput::$input },)*
                }
            }
        }
    };
}

// In the order in which they are done.
stages! {
    Inspect "inspect" File "Format, size and metadata"
    Render "render" File "Thumbnails and preview"
    Faces "faces" Results "Faces in the picture"
    Subjects "subjects" Results "What is in the picture"
    People "people" Results "Who the faces are"
    Places "places" Results "Names of the place"
}

impl Stage {
    pub fn name(self) -> &'static str {
        self.info().name
    }
}
