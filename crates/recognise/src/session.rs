//! ONNX Runtime: loading the library, opening a model, running it.
//!
//! Promises: a library that is too old, a broken model, and a model without the inputs and outputs of the
//! manifest are reported when opened, never later; between two pictures only the weights are kept.

use albumen_core::fault::Fault;
use albumen_models::files::{self as models, ModelFault};
use albumen_models::manifest::Artefact;
use ort::environment::Environment;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session, SessionOutputs};
use ort::value::TensorRef;
use std::path::Path;
use std::sync::Mutex;

/// ONNX Runtime allows one environment per process.
static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

/// Loads the runtime in `dir`, once per process; later calls return the first.
pub(crate) fn environment(dir: &Path) -> Result<Environment, ModelFault> {
    let mut environment = ENVIRONMENT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(loaded) = environment.as_ref() {
        return Ok(loaded.clone());
    }
    let runtime = albumen_models::manifest::manifest()
        .runtime()
        .ok_or_else(|| ModelFault::NoRuntime { arch: std::env::consts::ARCH.to_owned() })?;
    let path = models::verified(dir, runtime)?;
    let loaded = load(&path)?;
    Ok(environment.insert(loaded).clone())
}

/// Loads a library without a checksum.
fn load(path: &Path) -> Result<Environment, ModelFault> {
    let builder = ort::init_from(path).map_err(|e| refused(path, e))?;
    let broken = |e: ort::Error| ModelFault::RuntimeBroken { path: path.to_owned(), why: e.to_string() };
    builder.with_name("albumen").with_telemetry(false).build().map_err(broken)
}

fn refused(path: &Path, error: ort::LoadDynamicError) -> ModelFault {
    let path = path.to_owned();
    match error {
        ort::LoadDynamicError::BadVersion { version_str, .. } => ModelFault::RuntimeTooOld {
            path,
            why: format!("it is {version_str}, 1.{} is needed", ort::MINOR_VERSION),
        },
        other => ModelFault::RuntimeBroken { path, why: other.to_string() },
    }
}

/// A model that can be run.
pub(crate) struct Network {
    session: Session,
    name: String,
}

impl Network {
    /// Opens a model after checking its checksum and its named input and outputs.
    pub(crate) fn open(
        environment: &Environment,
        dir: &Path,
        file: &Artefact,
        threads: usize,
        input: &str,
        outputs: &[String],
    ) -> Result<Network, ModelFault> {
        let path = models::verified(dir, file)?;
        let unfit = |why: String| ModelFault::Unfit { name: file.name.clone(), why };
        let session = build(environment, &path, threads).map_err(|e| unfit(e.to_string()))?;
        let named = |list: &[ort::value::Outlet], name: &str| list.iter().any(|o| o.name() == name);
        if !named(session.inputs(), input) || session.inputs().len() != 1 {
            return Err(unfit(format!("its one input is not {input:?}")));
        }
        if let Some(absent) = outputs.iter().find(|o| !named(session.outputs(), o)) {
            return Err(unfit(format!("it has no output {absent:?}")));
        }
        Ok(Network { session, name: file.name.clone() })
    }

    /// Runs it on one picture of planes; `size` is width and height.
    pub(crate) fn run(&mut self, planes: &[f32], (width, height): (u32, u32)) -> Result<Outputs<'_>, Fault> {
        let name = &self.name;
        let failed =
            |e: ort::Error| Fault::crashed(format_args!("the model {name} could not be run")).with_detail(e);
        let shape = [1_usize, 3, height as usize, width as usize];
        let tensor = TensorRef::from_array_view((shape, planes)).map_err(failed)?;
        let values = self.session.run(ort::inputs![tensor]).map_err(failed)?;
        Ok(Outputs { values, name })
    }
}

/// The outputs of a run.
pub(crate) struct Outputs<'s> {
    values: SessionOutputs<'s>,
    name: &'s str,
}

impl Outputs<'_> {
    /// An output's numbers; `len` is the expected length.
    pub(crate) fn get(&self, output: &str, len: usize) -> Result<&[f32], Fault> {
        let wrong = |why: String| {
            Fault::crashed(format_args!("the model {} gave an unexpected result", self.name))
                .with_detail(format_args!("output {output}: {why}"))
        };
        let value = self.values.get(output).ok_or_else(|| wrong("is absent".to_owned()))?;
        let (_, numbers) = value.try_extract_tensor::<f32>().map_err(|e| wrong(e.to_string()))?;
        if numbers.len() != len {
            return Err(wrong(format!("has {} numbers, not {len}", numbers.len())));
        }
        Ok(numbers)
    }
}

fn build(environment: &Environment, path: &Path, threads: usize) -> ort::Result<Session> {
    Session::builder(environment)?
        .with_no_environment_execution_providers()?
        // No arena: between two pictures, which may be minutes apart, memory is returned to the system.
        .with_execution_providers([ort::ep::CPU::default().with_arena_allocator(false).build()])?
        .with_memory_pattern(true)?
        .with_optimization_level(GraphOptimizationLevel::Level3)?
        .with_intra_threads(threads)?
        .with_inter_threads(1)?
        .with_intra_op_spinning(false)?
        .commit_from_file(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_library_is_refused_in_words() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("libonnxruntime.so");
        std::fs::write(&path, b"not a library").unwrap();
        let fault = load(&path).map(drop).expect_err("it is no library");
        assert!(matches!(fault, ModelFault::RuntimeBroken { .. }), "{fault}");
    }

    #[test]
    fn a_runtime_that_is_too_old_says_what_is_needed() {
        let path = Path::new("/usr/lib/libonnxruntime.so");
        let old =
            ort::LoadDynamicError::BadVersion { version_str: "1.16.3".to_owned(), path: path.to_owned() };
        let fault = refused(path, old);
        assert!(matches!(fault, ModelFault::RuntimeTooOld { .. }));
        for part in ["1.16.3", "1.23", "make models", "/usr/lib"] {
            assert!(fault.to_string().contains(part), "{fault}");
        }
    }
}
