use super::parameter_sets::h264_parameters;
use super::*;

/// A scaling list whose steps add up to more than 32 bits.
#[test]
fn a_scaling_list_beyond_all_bounds_is_no_parameter_set() {
    let ue = |v: u64| {
        let v = v + 1;
        format!("{}{v:b}", "0".repeat(63 - v.leading_zeros() as usize))
    };
    // High profile; then, among others, a scaling matrix with one list of two steps.
    let mut bits = format!("{:08b}{:016b}", 100, 40);
    for v in [0, 1, 0, 0] {
        bits.push_str(&ue(v));
    }
    bits.push_str("011");
    // Both are the largest step of the code.
    bits.push_str(&ue((1 << 32) - 3).repeat(2));
    let sps = |bits: &str| {
        let bytes: Vec<u8> = (bits.as_bytes().chunks(8))
            .map(|c| c.iter().fold(0, |b, d| b << 1 | (d - b'0')) << (8 - c.len()))
            .collect();
        h264_parameters(&bytes)
    };
    assert!(sps(&bits).is_none());
    bits.push_str(&"1".repeat(400));
    assert!(sps(&bits).is_none());
}

#[test]
fn the_size_in_an_h264_parameter_set() {
    // 1920x1080, High profile, from a handwritten bit string: see the fields in `h264_parameters`.
    let mut bits = String::new();
    let ue = |v: u32| {
        let v = v + 1;
        let n = 31 - v.leading_zeros() as usize;
        format!("{}{v:b}", "0".repeat(n))
    };
    bits.push_str(&format!("{:08b}{:016b}", 77, 40));
    for v in [0, 0, 0, 0, 1] {
        bits.push_str(&ue(v));
    }
    bits.push('0');
    bits.push_str(&ue(119));
    bits.push_str(&ue(67));
    bits.push_str("111");
    for v in [0, 0, 0, 4] {
        bits.push_str(&ue(v));
    }
    bits.push_str("01");
    while !bits.len().is_multiple_of(8) {
        bits.push('0');
    }
    let bytes: Vec<u8> =
        (0..bits.len() / 8).map(|i| u8::from_str_radix(&bits[i * 8..i * 8 + 8], 2).unwrap()).collect();
    let p = h264_parameters(&bytes).unwrap();
    assert_eq!((p.width, p.height), (1920, 1080));
}

#[test]
fn a_recording_that_begins_inside_of_a_packet_is_told_by_its_step() {
    let packet = |size: usize, stamp: usize| {
        let mut packet = vec![0; stamp];
        packet.extend([0x47, 0x40, 0x11, 0x10]);
        packet.resize(size, 0xFF);
        packet
    };
    for (size, stamp) in [(188, 0), (192, 4)] {
        let whole = packet(size, stamp).repeat(10);
        assert_eq!(transport_packet(&whole), Some((size as u64, stamp as u64)));
        let first = (size - 100 + stamp) as u64;
        assert_eq!(transport_packet(&whole[100..]), Some((size as u64, first)), "{size}");
    }
    assert_eq!(transport_packet(&b"Good text, Great text. ".repeat(200)), None);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
        let mut ts = Vec::new();
        for chunk in bytes.chunks(100) {
            ts.extend([0x47, 0x40, 0, 0x10, 0]);
            ts.extend(chunk);
            ts.resize(ts.len().div_ceil(188) * 188, 0xFF);
        }
        let _ = read_transport(&Reader::from_bytes(ts));
        let mut ps = b"\0\0\x01\xba\0\0\x01\xe0\0\x60".to_vec();
        ps.extend(&bytes);
        let _ = read_program(&Reader::from_bytes(ps));
        let _ = h264_parameters(&bytes);
        let mut nal = b"\0\0\x01\x42\x01".to_vec();
        nal.extend(&bytes);
        let _ = hevc(&nal);
    }
}
