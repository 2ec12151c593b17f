//! One connection through the slow network, from its set-up to its end.
//! It must not know who asks for resets or silence, only that it is asked.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Semaphore, watch};

use super::Network;
use super::line::{Line, until};

/// What can be on its way in one direction of a connection, like a kernel's buffer.
const IN_FLIGHT: usize = 8 << 20;
const ONE_READ: usize = 64 << 10;

/// Bytes on their way, and when they arrive. Nothing stands for the end of the stream.
type Parcel = (Instant, Vec<u8>);

/// Serves everybody who connects, until it is over.
pub async fn accept(listener: std::net::TcpListener, network: Arc<Network>) {
    let listener = TcpListener::from_std(listener).expect("a listener that does not block");
    let mut over = network.over.subscribe();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((client, _)) = accepted {
                tokio::spawn(serve(client, Arc::clone(&network)));
            },
            _ = over.wait_for(|over| *over) => return,
        }
    }
}

async fn serve(mut client: TcpStream, network: Arc<Network>) {
    network.counted.connections.fetch_add(1, Ordering::Relaxed);
    let mut resets = network.resets.subscribe();
    // Whoever drops such a socket resets the connection; an orderly end comes before that.
    let _ = client.set_zero_linger();
    let _ = client.set_nodelay(true);
    let Some(Ok(mut server)) = unless_reset(&mut resets, set_up(&network)).await else { return };
    let _ = server.set_zero_linger();
    let _ = server.set_nodelay(true);
    if let Some(Ok(())) = unless_reset(&mut resets, carry(&mut client, &mut server, &network)).await
    {
        // Both directions have ended in order, so nothing may be thrown away now.
        #[allow(deprecated, reason = "no time to linger, so nothing blocks")]
        for stream in [client, server] {
            let _ = stream.set_linger(None);
        }
    }
}

async fn unless_reset<T>(
    resets: &mut watch::Receiver<u64>,
    work: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        _ = resets.changed() => None,
    }
}

/// The three packets with which TCP begins take a round trip before the first byte can be sent.
async fn set_up(network: &Network) -> io::Result<TcpStream> {
    until(Instant::now() + 2 * network.delay.one_way).await;
    wait_for_sound(network).await;
    TcpStream::connect(("127.0.0.1", network.target_port)).await
}

async fn wait_for_sound(network: &Network) {
    let mut silent = network.silent.subscribe();
    let _ = silent.wait_for(|silent| !silent).await;
}

async fn carry(
    client: &mut TcpStream,
    server: &mut TcpStream,
    network: &Network,
) -> io::Result<()> {
    // Its first words are the client's, and count as a beginning too.
    let had_listened = AtomicBool::new(true);
    let (client_reads, client_writes) = client.split();
    let (server_reads, server_writes) = server.split();
    let up = |bytes| {
        network.count_up(bytes, &had_listened);
        Ok(())
    };
    let down = |bytes| network.count_down(bytes, &had_listened);
    tokio::try_join!(
        pump(client_reads, server_writes, &network.up, network, up),
        pump(server_reads, client_writes, &network.down, network, down),
    )?;
    Ok(())
}

/// Carries one direction. Reading goes on while bytes are on their way, as on a real line.
async fn pump(
    from: ReadHalf<'_>,
    to: WriteHalf<'_>,
    line: &Line,
    network: &Network,
    count: impl Fn(u64) -> io::Result<()>,
) -> io::Result<()> {
    let (sender, receiver) = unbounded_channel();
    let room = Semaphore::new(IN_FLIGHT);
    tokio::try_join!(
        collect(from, line, sender, &room, count),
        deliver(to, network, receiver, &room)
    )?;
    Ok(())
}

async fn collect(
    mut from: ReadHalf<'_>,
    line: &Line,
    parcels: UnboundedSender<Parcel>,
    room: &Semaphore,
    count: impl Fn(u64) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffer = vec![0; ONE_READ];
    loop {
        let length = from.read(&mut buffer).await?;
        let arrival = line.arrival(length);
        if length > 0 {
            count(length as u64)?;
            take_room(room, length).await;
        }
        let sent = parcels.send((arrival, buffer[..length].to_vec()));
        if length == 0 || sent.is_err() {
            return Ok(());
        }
    }
}

/// Room that is given back when the bytes have been delivered.
async fn take_room(room: &Semaphore, length: usize) {
    let length = u32::try_from(length).expect("one read is small");
    room.acquire_many(length).await.expect("never closed").forget();
}

async fn deliver(
    mut to: WriteHalf<'_>,
    network: &Network,
    mut parcels: UnboundedReceiver<Parcel>,
    room: &Semaphore,
) -> io::Result<()> {
    while let Some((arrival, bytes)) = parcels.recv().await {
        until(arrival).await;
        wait_for_sound(network).await;
        if bytes.is_empty() {
            return to.shutdown().await;
        }
        to.write_all(&bytes).await?;
        room.add_permits(bytes.len());
    }
    Ok(())
}
