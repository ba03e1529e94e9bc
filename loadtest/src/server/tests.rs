//! Servers of the kind that every machine has: `sh` and `sleep`.

use super::*;

const NEEDS: Needs = Needs {
    row: "streams-8",
    clients: 8,
    tokens: 192,
};

#[test]
fn a_server_is_a_name_with_an_address_or_a_command() {
    let url: Server = "a=http://127.0.0.1:1".parse().unwrap();
    assert!(!url.is_command());
    let command: Server = "b=MODE=x serve --port=$PORT".parse().unwrap();
    assert!(command.is_command());
    assert_eq!(command.name, "b");
    assert_eq!(
        command.launch,
        Launch::Command("MODE=x serve --port=$PORT".to_owned())
    );
    for wrong in ["http://127.0.0.1:1", "serve", "=serve", "a=", "a b=c"] {
        let error = wrong.parse::<Server>();
        assert!(error.is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn a_started_server_is_one_process_with_memory_and_dies_with_its_owner() {
    let server: Server = "sleeper=sleep 600".parse().unwrap();
    let mut instance = server.start(&NEEDS, None).unwrap();
    instance.check().unwrap();
    assert!(instance.peak_memory_mib().unwrap().unwrap() > 0.0);
    let process = format!("/proc/{}", instance.child.as_ref().unwrap().id().unwrap());
    assert!(Path::new(&process).exists());
    instance.stop().await.unwrap();
    assert!(!Path::new(&process).exists());
}

#[tokio::test]
async fn a_server_is_told_its_port_and_what_it_is_for() {
    let logs = tempfile::tempdir().unwrap();
    let server: Server = r#"teller=printf '%s %s %s %s' "$PORT" "$ROW" "$CLIENTS" "$TOKENS""#
        .parse()
        .unwrap();
    let mut instance = server.start(&NEEDS, Some(logs.path())).unwrap();
    let child = instance.child.as_mut().unwrap();
    assert!(child.wait().await.unwrap().success());
    let said = fs::read_to_string(logs.path().join("teller.log")).unwrap();
    let port = instance.url().rsplit(':').next().unwrap();
    assert_eq!(said, format!("{port} streams-8 8 192"));
    let error = instance.check().unwrap_err().to_string();
    assert!(
        error.starts_with("the server ended: exit status: 0"),
        "{error}"
    );
}

#[test]
fn the_high_water_mark_is_read() {
    let status = "Name:\tx\nVmPeak:\t  900 kB\nVmHWM:\t  2048 kB\nVmRSS:\t 1 kB\n";
    assert_eq!(high_water_kib(status), Some(2048.0));
    assert_eq!(high_water_kib("Name:\tx\n"), None);
}
