//! A real mosquitto on a free loopback port, configured as the README tells operators to, stopped on drop.

use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::wait::{eventually, free_port};

/// A running broker.
pub struct Mosquitto {
    child: Child,
    /// Where it listens.
    pub port: u16,
    _folder: TempDir,
}

impl Mosquitto {
    /// Starts one and waits until it takes connections.
    pub async fn start() -> Mosquitto {
        let (folder, port) = (TempDir::new().unwrap(), free_port());
        let config = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_inflight_messages 1000\n\
             max_queued_messages 0\nmessage_size_limit 2097152\nset_tcp_nodelay true\nlog_type error\nuser root\n"
        );
        let path = folder.path().join("mosquitto.conf");
        std::fs::write(&path, config).unwrap();
        // Debian keeps it in /usr/sbin, which is not on everybody's path.
        let program =
            ["/usr/sbin/mosquitto", "/usr/bin/mosquitto"].into_iter().find(|path| std::path::Path::new(path).exists());
        let child = Command::new(program.unwrap_or("mosquitto"))
            .arg("-c")
            .arg(&path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto is installed (tests/tools.sh)");
        let broker = Mosquitto { child, port, _folder: folder };
        eventually("mosquitto to listen", async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok())
            .await;
        broker
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The configuration section of a service that reads from it.
    pub fn section(&self) -> String {
        let port = self.port;
        format!(
            "[[mqtt.client]]\nname = \"mosquitto\"\nport = {port}\nclient_id = \"saola-test\"\nbackoff_min_ms = 20\n\
             backoff_max_ms = 200\npacket_bytes_max = 4194304\n"
        )
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
