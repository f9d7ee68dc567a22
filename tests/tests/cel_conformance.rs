//! CEL's conformance suite against the checked-in score, wherever the suite was fetched.

use stage0_tests::cel;

#[test]
fn the_suite_scores_as_written_down() {
    let folder = cel::folder();
    if !cel::is_fetched(&folder) {
        assert!(
            std::env::var_os("STAGE0_CEL_SPEC").is_none(),
            "there is no suite in {}",
            folder.display()
        );
        // A plain `cargo test` needs no network; `cel-conformance` itself fails without the suite.
        return;
    }
    if let Err(error) = cel::check(&folder) {
        panic!("{error}");
    }
}
