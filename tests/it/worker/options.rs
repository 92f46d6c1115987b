//! Options of `worker` that Celery's users know, with the built program.

use super::*;
use std::path::Path;

struct Start {
    folder: TempDir,
}

impl Start {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn worker(&self, options: &[&str], env: &[(&str, &str)]) -> Program {
        let data = self.path("data");
        let all = [&[("MAESTRO_DATA_DIR", data.as_str())], env].concat();
        Program::spawn(&[&["worker", "-n", "w1@here"], options].concat(), &all)
    }
}

#[test]
fn a_worker_writes_its_files_and_shows_a_banner() {
    let start = Start::new();
    let (pidfile, logfile) = (start.path("%n.pid"), start.path("%p.log"));
    let options = ["-A", "maestro", "-P", "prefork", "-l", "info", "--pidfile", &pidfile, "-f", &logfile];
    let mut worker = start.worker(&options, &[]);
    worker.wait_for("w1@here v");
    worker.wait_for(".> report           exchange=report(direct) key=report");
    worker.wait_for("  . qgeneral.api");
    let (pidfile, logfile) = (start.path("w1.pid"), start.path("w1@here.log"));
    let started = Instant::now();
    while !std::fs::read_to_string(&logfile).unwrap().contains("takes from report, reports") {
        assert!(started.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(std::fs::read_to_string(&logfile).unwrap().contains("without effect here: --app, --pool"));
    assert_eq!(std::fs::read_to_string(&pidfile).unwrap(), format!("{}\n", worker.id()));
    let mut second = start.worker(&["--pidfile", &pidfile], &[]);
    assert_eq!(second.end().code(), Some(1));
    assert!(second.log().contains(&format!("the process {} in it runs", worker.id())), "{}", second.log());
    worker.terminate();
    assert!(worker.end().success());
    assert!(!Path::new(&pidfile).exists());
    let mut nowhere = start.worker(&["-f", "/proc/no/log"], &[]);
    assert_eq!(nowhere.end().code(), Some(2));
    assert!(nowhere.log().contains("--logfile /proc/no/log"), "{}", nowhere.log());
}

#[test]
fn queues_are_left_out_and_what_waits_is_dropped() {
    let start = Start::new();
    let mut none = start.worker(&["-X", "report,reports"], &[]);
    assert_eq!(none.end().code(), Some(2));
    assert!(none.log().contains("expected to leave one of the queues report, reports"), "{}", none.log());
    let data = start.path("data");
    let get = |name: &str| (name == "MAESTRO_DATA_DIR").then(|| data.clone());
    let config = config::load(&get, None, &[]).unwrap();
    actix_rt::System::new().block_on(async {
        let broker = broker::open(&config, &tls::client(None).unwrap()).await.unwrap();
        for queue in [QUEUE, "reports"] {
            broker.publish(queue, &webhook().to_message()).await.unwrap();
        }
        let mut worker = start.worker(&["--purge", "-X", "reports"], &[]);
        worker.wait_for("messages dropped from report: 1");
        worker.wait_for("takes from report, ");
        worker.terminate();
        assert!(worker.end().success());
        assert_eq!((broker.depth(QUEUE).await.unwrap(), broker.depth("reports").await.unwrap()), (0, 1));
    });
}

#[test]
fn a_worker_can_be_beat_too() {
    let start = Start::new();
    let file = start.path("schedules.toml");
    let schedule = format!(
        "[[schedule]]\nname = \"often\"\nevery = \"1s\"\nreport_id = \"{REPORT}\"\nowner_user = \"{OWNER}\"\n\
         type = \"general\"\ncomponent = \"Servers\"\n"
    );
    std::fs::write(&file, schedule).unwrap();
    let mut worker = start.worker(&["-B"], &[("MAESTRO_SCHEDULES_FILE", &file)]);
    worker.wait_for("task qgeneral.api: received");
    worker.terminate();
    assert!(worker.end().success(), "{}", worker.log());
    let mut away = start.worker(&["-B"], &[("MAESTRO_UPLOAD", "api")]);
    assert_eq!(away.end().code(), Some(1));
    assert!(away.log().contains("beat needs a report store"), "{}", away.log());
}
