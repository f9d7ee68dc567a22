//! Limits that only the command line sees, at their figure and one beyond.

use stage0_engine::limits::REQUEST_ID_BYTES_MAX;

use crate::decisions::check;
use crate::support::Folder;

#[test]
fn request_id_bytes_max() {
    let folder = Folder::with_files("request-id");
    let code =
        |bytes: usize| check(&folder, "small.json", &["--request-id", &"i".repeat(bytes)]).code;
    assert_eq!(code(REQUEST_ID_BYTES_MAX), Some(0));
    assert_eq!(code(REQUEST_ID_BYTES_MAX + 1), Some(2));
    assert_eq!(code(0), Some(2));
}
