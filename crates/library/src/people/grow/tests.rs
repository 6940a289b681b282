use super::*;

const DIM: usize = 16;

/// A face of a synthetic person: mostly the person's axis, a little of another.
fn face(person: usize, other: usize, how_much: i8) -> Vec<i8> {
    let mut v = vec![0i8; DIM];
    v[person] = 100;
    v[other] = v[other].saturating_add(how_much);
    v
}

fn node(photo: u32) -> Node {
    Node { quality: 1.0, photo, fresh: true }
}

fn run(nodes: &[Node], rows: &[Vec<i8>], known: &[Vec<Vec<i8>>]) -> Vec<Fate> {
    run_with(nodes, rows, known, &[])
}

fn run_with(nodes: &[Node], rows: &[Vec<i8>], known: &[Vec<Vec<i8>>], forbidden: &[u32]) -> Vec<Fate> {
    let mut faces = Vectors::new(DIM);
    rows.iter().for_each(|r| {
        faces.push(r);
    });
    let mut exemplars = Vectors::new(DIM);
    let people: Vec<Known> = known
        .iter()
        .map(|faces| {
            let start = exemplars.len() as u32;
            let mut sum = vec![0.0; DIM];
            for row in faces {
                let i = exemplars.push(row);
                exemplars.add_to(i, &mut sum);
            }
            let exemplars = start..exemplars.len() as u32;
            Known { sum, count: faces.len() as u32, exemplars, changed: false }
        })
        .collect();
    let stop = AtomicBool::new(false);
    let mut forbids = |_| forbidden.to_vec();
    let grown = grow(nodes, &faces, &people, &exemplars, &mut forbids, &Thresholds::SFACE, 2, &stop);
    grown.expect("nobody stops it").fates
}

fn person(fate: &Fate) -> Option<(bool, u32)> {
    match fate {
        Fate::Waits => None,
        Fate::Joins { person, .. } => Some((true, *person)),
        Fate::Founds { group, .. } => Some((false, *group)),
    }
}

#[test]
fn two_alike_are_a_person_and_one_alone_waits() {
    let rows = [face(0, 5, 30), face(1, 5, 30), face(0, 6, 30)];
    let fates = run(&[node(1), node(2), node(3)], &rows, &[]);
    assert_eq!(fates.iter().map(person).collect::<Vec<_>>(), [Some((false, 0)), None, Some((false, 0))]);
}

#[test]
fn faces_of_one_photo_never_come_together_not_even_through_a_third() {
    // Four pictures of one face, two of them pasted into one photo.
    let rows: Vec<_> = (5..9).map(|k| face(0, k, 20)).collect();
    let fates = run(&[node(1), node(1), node(2), node(3)], &rows, &[]);
    assert_ne!(person(&fates[0]), person(&fates[1]));
    assert!(fates.iter().any(|f| person(f).is_some()));
}

#[test]
fn faces_without_any_quality_make_no_person_and_join_one() {
    let rows: Vec<_> = (5..9).map(|k| face(0, k, 20)).collect();
    let worthless = |photo| Node { quality: 0.0, ..node(photo) };
    let none = [worthless(1), worthless(2), worthless(3), worthless(4)];
    assert_eq!(run(&none, &rows, &[]), [Fate::Waits; 4]);
    let one = [worthless(1), worthless(2), node(3), worthless(4)];
    assert!(run(&one, &rows, &[]).iter().all(|f| matches!(f, Fate::Founds { group: 0, .. })));
    let known = [(4..8).map(|k| face(0, k, 25)).collect::<Vec<_>>()];
    assert!(matches!(run(&none[..1], &rows[..1], &known)[0], Fate::Joins { .. }));
}

#[test]
fn a_face_joins_a_known_person_unless_it_is_forbidden() {
    let known = [(4..8).map(|k| face(0, k, 25)).collect::<Vec<_>>()];
    let fates = run(&[node(1)], &[face(0, 9, 25)], &known);
    assert!(matches!(fates[0], Fate::Joins { person: 0, similarity, required } if similarity >= required));
    assert_eq!(run_with(&[node(1)], &[face(0, 9, 25)], &known, &[0]), [Fate::Waits]);
}

#[test]
fn known_people_are_never_joined() {
    let known: Vec<Vec<Vec<i8>>> = (0..2).map(|_| (4..8).map(|k| face(0, k, 25)).collect()).collect();
    let rows: Vec<_> = (5..15).map(|k| face(0, k, 25)).collect();
    let nodes: Vec<_> = (0..10).map(node).collect();
    let fates = run(&nodes, &rows, &known);
    assert!(fates.iter().all(|f| matches!(f, Fate::Joins { .. })));
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let rows: Vec<_> = (0..200).map(|i| face(i % 7, (i * 5) % 16, (i % 60) as i8)).collect();
    let nodes: Vec<_> = (0..200).map(|i| node(i / 2)).collect();
    let mut faces = Vectors::new(DIM);
    rows.iter().for_each(|r| {
        faces.push(r);
    });
    let none = Vectors::new(DIM);
    let stop = AtomicBool::new(false);
    let with =
        |threads| grow(&nodes, &faces, &[], &none, &mut |_| Vec::new(), &Thresholds::SFACE, threads, &stop);
    assert_eq!(with(1), with(3));
}
