//! Subjects: what is to be seen in a picture, in words that people look for.
//!
//! The classifier sees the picture as a whole, the object detector (where it is there) sees things with boxes; the
//! [`taxonomy`] turns both into subjects, and [`page`] tells screenshots and documents from photos.

pub mod classify;
pub mod detect;
pub mod page;

use crate::picture::Views;
use albumen_core::fault::Fault;
use albumen_core::vocabulary::FoundSubject;
use albumen_models::taxonomy::taxonomy;
use classify::Classifier;
use detect::ObjectDetector;

/// The labels that a rule decides.
const BY_RULE: [&str; 2] = ["screenshot", "document"];

pub struct Subjects {
    pub classifier: Classifier,
    pub objects: Option<ObjectDetector>,
}

impl Subjects {
    /// The subjects of an upright picture, surest first, and its feature vector.
    pub fn find(&mut self, views: &Views<'_>) -> Result<(Vec<FoundSubject>, Vec<i8>), Fault> {
        let classified = self.classifier.classify(&views.small)?;
        let objects = match &mut self.objects {
            Some(objects) => objects.find(&views.small)?,
            None => Vec::new(),
        };
        let mut found = taxonomy().judge(&classified.probabilities, &objects);
        found.retain(|f| !BY_RULE.contains(&f.label.as_str()));
        // A thing on plain paper measures like a screen: what shows something that is known is taken for a photo of it.
        if found.is_empty() {
            let said = |label: &str| taxonomy().probability(label, &classified.probabilities);
            found.extend(page::judge(views.whole, said));
        }
        Ok((found, classified.features))
    }
}
