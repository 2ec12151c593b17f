//! t
use pgsync_testkit::*;
use std::time::Instant;
#[tokio::test]
async fn timings() {
    let t = Instant::now();
    let s = Server::start(Side::Cloud).unwrap();
    println!("first start {:?}", t.elapsed());
    let t = Instant::now();
    let s2 = Server::start(Side::Cloud).unwrap();
    println!("second start {:?}", t.elapsed());
    let t = Instant::now();
    drop(s);
    println!("drop {:?}", t.elapsed());
    let t = Instant::now();
    s2.restart().unwrap();
    println!("restart {:?}", t.elapsed());
    drop(s2);
    let t = Instant::now();
    let p = Pair::empty().await;
    println!("first empty {:?}", t.elapsed());
    for _ in 0..3 {
        let t = Instant::now();
        let _p = Pair::empty().await;
        println!("empty {:?}", t.elapsed());
    }
    for (side, db) in [(Side::Cloud, &p.cloud), (Side::Desktop, &p.desktop)] {
        let mut c = db.connect().await;
        let t = Instant::now();
        firm::create_schema(side, &mut c).await.unwrap();
        firm::load(side, &mut c).await.unwrap();
        println!("load {side:?} {:?}", t.elapsed());
    }
    let t = Instant::now();
    let _f = Pair::firm().await;
    println!("first firm {:?}", t.elapsed());
    for _ in 0..3 {
        let t = Instant::now();
        let _p = Pair::firm().await;
        println!("firm {:?}", t.elapsed());
    }
    let t = Instant::now();
    let _f = Pair::dedicated().await;
    println!("dedicated {:?}", t.elapsed());
    let t = Instant::now();
    let c = p.cloud.connect().await;
    println!("connect {:?}", t.elapsed());
    drop(c);
    let w = Wan::start(p.cloud.port(), Delay::round_trip_ms(40)).unwrap();
    use sqlx::Connection;
    let t = Instant::now();
    let mut c = sqlx::PgConnection::connect(&w.url(&p.cloud.url())).await.unwrap();
    println!("wan connect {:?} {:?}", t.elapsed(), w.stats());
    for _ in 0..3 {
        let t = Instant::now();
        sqlx::raw_sql("select 1").execute(&mut c).await.unwrap();
        println!("wan query {:?}", t.elapsed());
    }
}
