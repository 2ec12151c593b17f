//! The firm's real tables, with the shipped configuration.

use crate::office::Office;

#[tokio::test(flavor = "multi_thread")]
async fn the_first_reverse_brings_what_the_phones_made_and_nothing_else() {
    let office = Office::firm().await;
    let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
    assert_eq!(desktop.count("jobshead").await, 24_562);
    assert_eq!(cloud.count("jobshead").await, 24_564);

    let ran = office.reverse_twice().await;
    println!("{ran}");
    assert_eq!(ran.figures("jobshead"), ["24,564", "2", "2"]);
    assert_eq!(desktop.count("jobshead").await, 24_564);
    assert_eq!(desktop.count("jobshead where source = 'M'").await, 2);
}
