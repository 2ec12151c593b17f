//! Names that need quotes, and names that our staging uses itself.

use crate::office::Office;

const ODD: [&str; 20] = [
    "c1",
    "c2",
    "k1",
    "came_back",
    "t",
    "r",
    "x",
    "m",
    "d",
    "o",
    "own",
    "key",
    "content",
    "copy",
    "place",
    "fate",
    "row_at",
    "at",
    "part",
    "pgsync_rows",
];

#[tokio::test(flavor = "multi_thread")]
async fn columns_may_be_called_what_our_staging_is_called() {
    for (mode, duplicate) in
        [("upsert", ""), ("upsert", ", on_duplicate = { latest = \"place\" }"), ("mirror", "")]
    {
        for key in ["c1", "key", "at", "t"] {
            let columns = ODD.map(|name| format!("\"{name}\" int")).join(", ");
            let values = |from: i32| ODD.map(|_| format!("n + {from}")).join(", ");
            let office = Office::with(
                &format!(
                    "create table odd ({columns}, source char(1));
                    insert into odd (\"{key}\", source) values (9999, 'M')"
                ),
                &format!(
                    "create table odd ({columns});
                    insert into odd select {} from generate_series(1, 50) n",
                    values(0)
                ),
                &format!(
                    "[tables.odd]\nkey = \"{key}\"\nowned_by_cloud = \"source = 'M'\"\n\
                    forward = {{ mode = \"{mode}\"{duplicate} }}"
                ),
            )
            .await;
            let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
            office.forward_twice(&[]).await;
            desktop
                .run(&format!(
                    "update odd set fate = -1, copy = -2, c2 = null where \"{key}\" in (3, 4);
                    insert into odd select {} from generate_series(1, 5) n",
                    values(100)
                ))
                .await;
            let dry = office.forward(&["--dry-run"]).await;
            let ran = office.forward_twice(&[]).await;
            assert_eq!(ran.all_figures("odd")[1..], ["5", "2", "0", "0"], "{mode} {key} {ran}");
            assert_eq!(dry.all_figures("odd"), ran.all_figures("odd"));
            office.forward_twice(&["--full"]).await;
            let names = ODD.map(|name| format!("\"{name}\"")).join(", ");
            let rows =
                format!("select {names} from odd where \"{key}\" <> 9999 order by \"{key}\"");
            assert_eq!(cloud.lines(&rows).await, desktop.lines(&rows).await);
            if mode == "upsert" && duplicate.is_empty() {
                desktop.run("insert into odd select * from odd where fate = 7").await;
                assert_eq!(office.run(&["forward"]).await.code, 4);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_with_capitals_quotes_and_blanks() {
    for mode in ["upsert", "mirror"] {
        let office = Office::with(
            "create schema \"My Cloud\"; create table \"My Cloud\".\"Job \"\"X\"\" List\" (
                \"Job No\" serial primary key, \"What's\" varchar(20), \"select\" text, \"Ünï\" numeric(5,1),
                \"Source\" char(1) default 'D');
             insert into \"My Cloud\".\"Job \"\"X\"\" List\" values (900, 'phone', 'p', 1, 'M')",
            "create schema \"Desk\"; create table \"Desk\".\"job list\" (
                \"Job No\" int, \"What's\" text, \"select\" text, \"Ünï\" numeric);
             insert into \"Desk\".\"job list\" select n, 'what ' || n, 'from', n from generate_series(1, 30) n",
            &format!(
                "[tables.\"jobs\"]\ndesktop = \"job list\"\ncloud = 'Job \"X\" List'\n\
                 desktop_schema = \"Desk\"\ncloud_schema = \"My Cloud\"\nkey = \"Job No\"\n\
                 owned_by_cloud = \"\\\"Source\\\" = 'M'\"\nforward = \"{mode}\""
            ),
        )
        .await;
        let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
        office.forward_twice(&[]).await;
        desktop
            .run(
                "update \"Desk\".\"job list\" set \"What's\" = 'it''s', \"select\" = null where \"Job No\" = 5;
                 insert into \"Desk\".\"job list\" values (31, 'new', null, 2.5)",
            )
            .await;
        office.forward_twice(&[]).await;
        office.forward_twice(&["--full"]).await;
        let rows = "select \"Job No\", \"What's\", \"select\", \"Ünï\"::numeric(5,1)";
        let ours = format!(
            "{rows} from \"My Cloud\".\"Job \"\"X\"\" List\" where \"Source\" = 'D' order by 1"
        );
        let theirs = format!("{rows} from \"Desk\".\"job list\" order by 1");
        assert_eq!(cloud.lines(&ours).await, desktop.lines(&theirs).await);
        // A refused row is named.
        desktop.run("update \"Desk\".\"job list\" set \"What's\" = 'longer than twenty letters' where \"Job No\" = 5").await;
        let ran = office.run(&["forward"]).await;
        assert_eq!(ran.code, 4, "{ran}");
        assert!(ran.stderr.contains("[\"5\"]: value too long"), "{ran}");
    }
}
