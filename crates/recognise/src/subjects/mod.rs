//! Subjects: the content of a picture, in words that users search for.
//!
//! The classifier processes the picture as a whole, the object detector (if installed) finds objects with
//! boxes; the [`taxonomy`] turns both into subjects, and [`page`] distinguishes screenshots and documents
//! from photos.

pub mod classify;
pub mod detect;
pub mod page;

use crate::picture::Views;
use albumen_core::fault::Fault;
use albumen_core::vocabulary::FoundSubject;
use albumen_models::taxonomy::taxonomy;
use classify::Classifier;
use detect::ObjectDetector;

/// The labels that a rule assigns.
const BY_RULE: [&str; 2] = ["screenshot", "document"];

pub struct Subjects {
    pub classifier: Classifier,
    pub objects: Option<ObjectDetector>,
}

impl Subjects {
    /// The subjects of an upright picture, most certain first, and its feature vector.
    pub fn find(&mut self, views: &Views<'_>) -> Result<(Vec<FoundSubject>, Vec<i8>), Fault> {
        let classified = self.classifier.classify(&views.small)?;
        let objects = match &mut self.objects {
            Some(objects) => objects.find(&views.small)?,
            None => Vec::new(),
        };
        let mut found = taxonomy().judge(&classified.probabilities, &objects);
        found.retain(|f| !BY_RULE.contains(&f.label.as_str()));
        // An object on plain paper measures like a screen: a picture with a recognised subject counts as a
        // photo of it.
        if found.is_empty() {
            let said = |label: &str| taxonomy().probability(label, &classified.probabilities);
            found.extend(page::judge(views.whole, said));
        }
        Ok((found, classified.features))
    }
}
