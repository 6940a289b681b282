use super::*;
use albumen_core::vocabulary::{Format, FoundFace, Gps, Kind, RenderSettings};
use proptest::prelude::*;

fn request() -> DevelopRequest {
    DevelopRequest {
        name: b"a.jpg".to_vec(),
        folder: Vec::new(),
        mtime_ns: 0,
        sidecars: Vec::new(),
        render: Some(RenderSettings::default()),
    }
}

/// The start and the end of a JPEG of this size, which is all that the engine checks.
fn jpeg(w: u16, h: u16) -> Vec<u8> {
    let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2, 0xFF, 0xC0, 0, 8, 8];
    bytes.extend(h.to_be_bytes());
    bytes.extend(w.to_be_bytes());
    bytes.extend([1, 0xFF, 0xD9]);
    bytes
}

fn rendition(name: DerivativeName, w: u16, h: u16) -> Rendition {
    Rendition { name, width: w.into(), height: h.into(), jpeg: jpeg(w, h) }
}

fn developed() -> Developed {
    Developed {
        facts: Facts { kind: Some(Kind::Photo), format: Some(Format::Jpeg), ..Facts::default() },
        pictures: Some(Ok(Pictures {
            renditions: vec![
                rendition(DerivativeName::Xl, 1707, 1280),
                rendition(DerivativeName::M, 427, 320),
                rendition(DerivativeName::Sm, 320, 240),
            ],
            thumbhash: vec![1; 25],
            damaged: None,
        })),
        cpu: StageCpu { inspect_s: 0.1, decode_s: 0.2, render_s: 0.3 },
    }
}

fn pictures(developed: &mut Developed) -> &mut Pictures {
    developed.pictures.as_mut().unwrap().as_mut().unwrap()
}

/// Encodes and decodes an outcome.
fn pass(outcome: &Result<Developed, Fault>) -> Result<Result<Developed, Fault>, ProtocolViolation> {
    let (header, body) = encode_developed(outcome);
    let len = header.len() as u64;
    let reply = Source::from_bytes([header, body.concat()].concat());
    read_developed(&reply, len, &request())
}

#[test]
fn an_honest_reply_passes_unchanged() {
    let said = developed();
    let heard = pass(&Ok(said.clone())).unwrap().unwrap();
    assert_eq!((&heard.facts, &heard.pictures, heard.cpu), (&said.facts, &said.pictures, said.cpu));
    for fault in [Fault::corrupt("x"), Fault::TooLarge { needed: 7 }] {
        assert_eq!(pass(&Err(fault.clone())).unwrap().unwrap_err(), fault);
        let said = Developed { pictures: Some(Err(fault.clone())), ..developed() };
        assert_eq!(pass(&Ok(said)).unwrap().unwrap().pictures, Some(Err(fault)));
    }
}

#[test]
fn impossible_values_violate_the_protocol() {
    let spoil: &[fn(&mut Developed)] = &[
        |d| pictures(d).renditions[0].width += 1,
        |d| pictures(d).renditions[0] = rendition(DerivativeName::Xl, 60_000, 60_000),
        |d| pictures(d).renditions[0] = rendition(DerivativeName::Xl, 0, 1280),
        |d| pictures(d).renditions[1] = rendition(DerivativeName::Xl, 10, 10),
        |d| pictures(d).renditions.reverse(),
        |d| drop(pictures(d).renditions.remove(0)),
        |d| pictures(d).renditions.clear(),
        |d| pictures(d).renditions.push(rendition(DerivativeName::Preview, 2561, 10)),
        |d| pictures(d).renditions[2].jpeg = b"GIF89a".to_vec(),
        |d| pictures(d).renditions[2].jpeg.extend(vec![0; 1 << 20]),
        |d| pictures(d).thumbhash = vec![0; 100],
        |d| d.pictures = None,
        |d| d.facts.kind = None,
        |d| d.cpu.decode_s = 1e300,
    ];
    for (i, spoil) in spoil.iter().enumerate() {
        let mut said = developed();
        spoil(&mut said);
        assert!(pass(&Ok(said)).is_err(), "number {i} passed");
    }
    let outcome = Ok(developed());
    let (header, body) = encode_developed(&outcome);
    let len = header.len() as u64;
    let whole = [header.clone(), body.concat()].concat();
    let read = |bytes: &[u8], len| read_developed(&Source::from_bytes(bytes.to_vec()), len, &request());
    assert!(read(&whole, len).is_ok());
    assert!(read(&whole[..whole.len() - 1], len).is_err());
    assert!(read(&[&whole[..], b"x"].concat(), len).is_err());
    assert!(read(&whole, len + 1).is_err());
    assert!(read(&whole, u64::MAX).is_err());
    let facts_only = DevelopRequest { render: None, ..request() };
    assert!(read_developed(&Source::from_bytes(whole), len, &facts_only).is_err());
}

#[test]
fn a_header_of_many_parts_is_refused_before_it_is_a_tree() {
    for (part, count) in
        [("0,", 150_000), ("[],", 80_000), ("{},", 10_000), ("{\"a\":[0]},", 10_000), ("\"\",", 150_000)]
    {
        let header = format!("{{\"Ok\":[{}0]}}", part.repeat(count));
        let len = header.len() as u64;
        assert!(len < HEADER_LIMIT);
        let error = read_developed(&Source::from_bytes(header.into_bytes()), len, &request()).unwrap_err();
        assert!(error.0.contains("too many parts"), "{part}: {error}");
    }
    // Brackets inside a text are not structure.
    let mut said = developed();
    said.facts.title = Some("[{,\\\"".repeat(6000));
    assert!(pass(&Ok(said)).unwrap().is_ok());
}

#[test]
fn an_absurd_figure_costs_itself_where_the_worker_is_honest() {
    let mut said = developed();
    said.facts.orientation = Some(9);
    said.facts.rating = Some(100);
    said.facts.gps = Some(Gps { lat: 1e9, lon: 0.0, alt: None });
    said.facts.duration_s = Some(-1.0);
    assert!(believable_facts(&said.facts).is_err());
    assert_eq!(pass(&Ok(said)).unwrap().unwrap().facts, developed().facts);
}

#[test]
fn a_long_caption_costs_its_end_and_not_the_file() {
    let mut said = developed();
    said.facts.title = Some("ä".repeat(STRING_LIMIT));
    said.facts.tags = vec!["t".into(); LIST_LIMIT + 5];
    let heard = pass(&Ok(said)).unwrap().unwrap();
    assert_eq!(heard.facts.title.unwrap().len(), STRING_LIMIT);
    assert_eq!(heard.facts.tags.len(), LIST_LIMIT);
    let heard = pass(&Err(Fault::corrupt("x".repeat(5000)))).unwrap();
    assert_eq!(heard.unwrap_err(), Fault::corrupt("x".repeat(REASON_LIMIT)));
}

#[test]
fn faces_outside_the_picture_violate_the_protocol() {
    let face = FoundFace {
        area: [0.1, 0.1, 0.2, 0.3],
        score: 0.9,
        quality: 0.5,
        points: [[0.2; 2]; 5],
        embedding: vec![1; 128],
    };
    let pass = |change: &dyn Fn(&mut FoundFace)| {
        let mut second = face.clone();
        change(&mut second);
        let all = Recognised { faces: vec![face.clone(), second], ..Recognised::default() };
        let header = encode_recognised(&Ok(all));
        let len = header.len() as u64;
        read_recognised(&Source::from_bytes(header), len)
    };
    assert_eq!(pass(&|_| {}).unwrap().unwrap().faces.len(), 2);
    assert!(pass(&|f| f.area[0] = 0.9).is_err());
    assert!(pass(&|f| f.area[3] = 0.0).is_err());
    assert!(pass(&|f| f.score = 1.5).is_err());
    assert!(pass(&|f| f.points[4][1] = -7.0).is_err());
    assert!(pass(&|f| f.embedding.truncate(5)).is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_the_engine_panic(bytes: Vec<u8>, header: u64) {
        let reply = Source::from_bytes(bytes.clone());
        let header = header % (bytes.len() as u64 + 2);
        let _ = read_developed(&reply, header, &request());
        let _ = read_recognised(&reply, header);
        let _ = decode::<Say>(&bytes);
        let _ = jpeg_size(&bytes);
    }

    #[test]
    fn a_frame_header_is_found_behind_any_segments(w: u16, h: u16, n in 0usize..5) {
        let mut bytes = jpeg(w, h);
        for _ in 0..n {
            bytes.splice(2..2, [0xFF, 0xE1, 0, 5, 0xFF, 0xC0, 9]);
        }
        prop_assert_eq!(jpeg_size(&bytes), Some((w.into(), h.into())));
    }
}
