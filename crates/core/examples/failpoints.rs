//! Prints whether a build of this profile, with these features, can inject faults. A test asks a release build.

fn main() {
    println!("{}", albumen_core::failpoints::ENABLED);
}
