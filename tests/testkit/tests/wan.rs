//! The slow network is as slow as it says, and breaks when it is told to.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use pgsync_testkit::{Delay, Wan};

const ROUND_TRIP: Duration = Duration::from_millis(40);

/// A server that sends everything back, and its port.
fn echo() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || echo_back(stream));
        }
    });
    port
}

fn echo_back(mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}

fn connect(wan: &Wan) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", wan.port())).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

fn ask(stream: &mut TcpStream) -> std::io::Result<Duration> {
    let began = Instant::now();
    stream.write_all(b"12345678")?;
    stream.read_exact(&mut [0; 8])?;
    Ok(began.elapsed())
}

#[test]
fn every_answer_takes_a_round_trip_and_the_first_one_two() {
    let wan = Wan::start(echo(), Delay::round_trip_ms(40)).unwrap();
    let mut stream = connect(&wan);
    let first = ask(&mut stream).unwrap();
    assert!(first >= 2 * ROUND_TRIP, "{first:?}");
    let mut later: Vec<_> = (0..10).map(|_| ask(&mut stream).unwrap()).collect();
    later.sort();
    println!("first {first:?}, later {later:?}");
    assert!(later[0] >= ROUND_TRIP, "{later:?}");
    assert!(later[5] < ROUND_TRIP + Duration::from_millis(15), "{later:?}");
    let stats = wan.stats();
    assert_eq!((stats.up_bytes, stats.down_bytes), (88, 88));
    assert_eq!((stats.connections, stats.round_trips), (1, 11));
}

#[test]
fn a_delay_is_no_limit_to_what_is_carried() {
    let wan = Wan::start(echo(), Delay::round_trip_ms(40)).unwrap();
    let took = carry(&wan, 20 << 20);
    println!("20 MB there and back in {took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_thin_line_is() {
    let delay = Delay { one_way: Duration::from_millis(5), mbit: Some(16.0) };
    let wan = Wan::start(echo(), delay).unwrap();
    let took = carry(&wan, 1 << 20);
    println!("1 MB over 16 Mbit in {took:?}");
    assert!(took >= Duration::from_millis(520), "{took:?}");
    assert!(took < Duration::from_millis(1500), "{took:?}");
}

/// Sends so many bytes there and back, and checks that they come in order.
fn carry(wan: &Wan, length: usize) -> Duration {
    let sent: Vec<u8> = (0..=250).cycle().take(length).collect();
    let mut stream = connect(wan);
    let mut writer = stream.try_clone().unwrap();
    let began = Instant::now();
    let mut back = vec![0; length];
    thread::scope(|scope| {
        scope.spawn(|| writer.write_all(&sent).unwrap());
        stream.read_exact(&mut back).unwrap();
    });
    assert!(sent == back);
    began.elapsed()
}

#[test]
fn an_orderly_end_is_passed_on() {
    let wan = Wan::start(echo(), Delay::round_trip_ms(10)).unwrap();
    let mut stream = connect(&wan);
    stream.write_all(b"last words").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "last words");
}

#[test]
fn a_reset_ends_what_is_there_and_nothing_else() {
    let wan = Wan::start(echo(), Delay::default()).unwrap();
    let mut stream = connect(&wan);
    ask(&mut stream).unwrap();
    wan.reset_all();
    let broken = stream.read(&mut [0; 8]).unwrap_err();
    assert_eq!(broken.kind(), ErrorKind::ConnectionReset);
    ask(&mut connect(&wan)).unwrap();
}

#[test]
fn a_cut_comes_once() {
    let wan = Wan::start(echo(), Delay::default()).unwrap();
    let mut stream = connect(&wan);
    ask(&mut stream).unwrap();
    wan.cut_after(40);
    let asked = (0..100).take_while(|_| ask(&mut stream).is_ok()).count();
    assert_eq!(asked, 5);
    let mut stream = connect(&wan);
    assert!((0..100).all(|_| ask(&mut stream).is_ok()));
}

#[test]
fn a_black_hole_keeps_everything_until_it_ends() {
    let wan = Wan::start(echo(), Delay::default()).unwrap();
    let mut stream = connect(&wan);
    ask(&mut stream).unwrap();
    wan.black_hole(true);
    stream.write_all(b"hello").unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let nothing = stream.read(&mut [0; 5]).unwrap_err();
    assert!(matches!(nothing.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{nothing}");
    wan.black_hole(false);
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut heard = [0; 5];
    stream.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"hello");
}

#[test]
fn a_dropped_proxy_is_gone() {
    let wan = Wan::start(echo(), Delay::default()).unwrap();
    let mut stream = connect(&wan);
    ask(&mut stream).unwrap();
    let port = wan.port();
    drop(wan);
    assert!(ask(&mut stream).is_err());
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn an_address_is_led_through_the_proxy() {
    let target = echo();
    let wan = Wan::start(target, Delay::default()).unwrap();
    let through = wan.url(&format!("postgres://postgres@127.0.0.1:{target}/db"));
    assert_eq!(through, format!("postgres://postgres@127.0.0.1:{}/db", wan.port()));
}
