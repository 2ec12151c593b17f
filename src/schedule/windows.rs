//! For the Task Scheduler of Windows.
//!
//! The one-line form of `schtasks` leaves a task that stops on battery, that
//! catches up on nothing and that may run for 72 hours; so the tasks are made
//! from XML, which is the only way to say otherwise.
//!
//! Source: <https://learn.microsoft.com/windows/win32/taskschd/task-scheduler-schema>

use super::{Job, Place, WAIT, Work};
use crate::config::Times;
use std::fmt::Write as _;
use std::time::Duration;

/// The program that speaks with the Task Scheduler.
pub const PROGRAM: &str = "schtasks";

/// The name of a task, with its folder in the Task Scheduler.
#[must_use]
pub fn task(work: Work) -> String {
    format!("pgsync\\sync-{}", work.word())
}

/// The name of the file that holds a task's XML.
#[must_use]
pub fn file(work: Work) -> String {
    format!("sync-{}.xml", work.word())
}

/// Makes a task, or makes it anew; `*` lets it ask for the user's password.
/// Without a password (`/NP`) a task has no network, says Microsoft.
#[must_use]
pub fn create(work: Work, file: &str, user: &str) -> Vec<String> {
    let task = task(work);
    words(&["/Create", "/F", "/TN", &task, "/XML", file, "/RU", user, "/RP", "*"])
}

/// Shows a task.
#[must_use]
pub fn query(work: Work) -> Vec<String> {
    words(&["/Query", "/TN", &task(work), "/FO", "LIST"])
}

/// Takes a task away.
#[must_use]
pub fn delete(work: Work) -> Vec<String> {
    words(&["/Delete", "/F", "/TN", &task(work)])
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The command as somebody would type it.
#[must_use]
pub fn line(arguments: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/*._-:\\".contains(c);
    let words = arguments.iter().map(|word| {
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("\"{word}\"")
        }
    });
    std::iter::once(PROGRAM.to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

/// A file as `schtasks` wants it: UTF-16, little end first, with its mark.
#[must_use]
pub fn utf16(text: &str) -> Vec<u8> {
    std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

/// The arguments for `cmd.exe`.
///
/// `cmd /c` takes the first and the last quotation mark away where a path has
/// a special letter, so there is a pair more; `/d` keeps what others have put
/// into the registry from running first.
#[must_use]
pub fn arguments(work: Work, place: &Place) -> String {
    let batch = format!("{}\\{}", place.folder, work.batch());
    let config =
        place.config.as_ref().map_or(String::new(), |file| format!(" --config \"{file}\""));
    format!("/d /s /c \"\"{batch}\" /scheduled --wait {WAIT}{config}\"")
}

/// The task: no two at once, catches up after the machine was off, also on
/// battery, whether somebody is logged on or not, with the network.
#[must_use]
pub fn xml(job: &Job, place: &Place) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-16\"?>\r\n\
<Task version=\"1.2\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\">\r
  <RegistrationInfo>\r
    <Description>{description}</Description>\r
  </RegistrationInfo>\r
  <Triggers>\r
{triggers}  </Triggers>\r
  <Principals>\r
    <Principal id=\"Author\">\r
      <UserId>{user}</UserId>\r
      <LogonType>Password</LogonType>\r
      <RunLevel>LeastPrivilege</RunLevel>\r
    </Principal>\r
  </Principals>\r
  <Settings>\r
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>\r
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>\r
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>\r
    <StartWhenAvailable>true</StartWhenAvailable>\r
    <RunOnlyIfNetworkAvailable>false</RunOnlyIfNetworkAvailable>\r
    <IdleSettings>\r
      <StopOnIdleEnd>false</StopOnIdleEnd>\r
      <RestartOnIdle>false</RestartOnIdle>\r
    </IdleSettings>\r
    <Enabled>true</Enabled>\r
    <ExecutionTimeLimit>{limit}</ExecutionTimeLimit>\r
  </Settings>\r
  <Actions Context=\"Author\">\r
    <Exec>\r
      <Command>%SystemRoot%\\System32\\cmd.exe</Command>\r
      <Arguments>{arguments}</Arguments>\r
      <WorkingDirectory>{folder}</WorkingDirectory>\r
    </Exec>\r
  </Actions>\r
</Task>\r\n",
        description = escaped(&format!("pgsync: {}", job.work.description())),
        triggers = triggers(&job.times),
        user = escaped(&place.user),
        limit = period(place.hard_limit()),
        arguments = escaped(&arguments(job.work, place)),
        folder = escaped(&place.folder),
    )
}

/// The day is only where the counting begins; without a zone it is local time.
fn triggers(times: &Times) -> String {
    let boundary = |time: &dyn std::fmt::Display| {
        format!("      <StartBoundary>2026-01-01T{time}:00</StartBoundary>\r\n")
    };
    match times {
        Times::Off => String::new(),
        Times::Every(minutes) => format!(
            "    <TimeTrigger>\r
      <Repetition>\r
        <Interval>{}</Interval>\r
        <StopAtDurationEnd>false</StopAtDurationEnd>\r
      </Repetition>\r
{}    </TimeTrigger>\r\n",
            period(Duration::from_secs(u64::from(*minutes) * 60)),
            boundary(&"00:00"),
        ),
        Times::At(times) => times.iter().fold(String::new(), |mut text, time| {
            let _ = write!(
                text,
                "    <CalendarTrigger>\r
{}      <ScheduleByDay>\r
        <DaysInterval>1</DaysInterval>\r
      </ScheduleByDay>\r
    </CalendarTrigger>\r\n",
                boundary(time),
            );
            text
        }),
    }
}

/// A span of time as XML Schema spells it.
fn period(span: Duration) -> String {
    match span.as_secs() {
        seconds if seconds % 3_600 == 0 => format!("PT{}H", seconds / 3_600),
        seconds if seconds % 60 == 0 => format!("PT{}M", seconds / 60),
        seconds => format!("PT{seconds}S"),
    }
}

/// XML gives five letters a meaning, and has no control letters at all.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars().filter(|letter| !letter.is_control()) {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::testing::place;
    use super::*;

    const FULL: &str = r#"<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>pgsync: Brings what is new in the cloud to the desktop.</Description>
  </RegistrationInfo>
  <Triggers>
    <TimeTrigger>
      <Repetition>
        <Interval>PT1H</Interval>
        <StopAtDurationEnd>false</StopAtDurationEnd>
      </Repetition>
      <StartBoundary>2026-01-01T00:00:00</StartBoundary>
    </TimeTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>OFFICE\anna</UserId>
      <LogonType>Password</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <RunOnlyIfNetworkAvailable>false</RunOnlyIfNetworkAvailable>
    <IdleSettings>
      <StopOnIdleEnd>false</StopOnIdleEnd>
      <RestartOnIdle>false</RestartOnIdle>
    </IdleSettings>
    <Enabled>true</Enabled>
    <ExecutionTimeLimit>PT55M</ExecutionTimeLimit>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>%SystemRoot%\System32\cmd.exe</Command>
      <Arguments>/d /s /c &quot;&quot;C:\Sync &amp; Co (office) [1]!\sync-reverse.bat&quot; /scheduled --wait 30m&quot;</Arguments>
      <WorkingDirectory>C:\Sync &amp; Co (office) [1]!</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
"#;

    #[test]
    fn a_task_is_spelled_in_full() {
        let job = Job { work: Work::Reverse, times: Times::Every(60) };
        let xml = xml(&job, &place());
        assert_eq!(xml.replace("\r\n", "\n"), FULL);
        assert_eq!(xml.matches('\n').count(), xml.matches("\r\n").count());
    }

    #[test]
    fn every_time_of_a_day_is_a_trigger() {
        let times = crate::config::Times::Every(90);
        assert!(triggers(&times).contains("<Interval>PT90M</Interval>"));
        assert_eq!(triggers(&Times::Off), "");
        let at = Times::At(["02:00", "16:30"].map(|time| time.parse().unwrap()).to_vec());
        assert_eq!(
            triggers(&at).replace("\r\n", "\n"),
            "    <CalendarTrigger>
      <StartBoundary>2026-01-01T02:00:00</StartBoundary>
      <ScheduleByDay>
        <DaysInterval>1</DaysInterval>
      </ScheduleByDay>
    </CalendarTrigger>
    <CalendarTrigger>
      <StartBoundary>2026-01-01T16:30:00</StartBoundary>
      <ScheduleByDay>
        <DaysInterval>1</DaysInterval>
      </ScheduleByDay>
    </CalendarTrigger>
"
        );
    }

    #[test]
    fn a_named_configuration_and_no_limit() {
        let config = Some(r"D:\own files\pgsync.toml".to_owned());
        let place = Place { config, max_run_time: None, ..place() };
        assert_eq!(
            arguments(Work::Full, &place),
            "/d /s /c \"\"C:\\Sync & Co (office) [1]!\\sync-full.bat\" /scheduled --wait 30m \
             --config \"D:\\own files\\pgsync.toml\"\""
        );
        let job = Job { work: Work::Full, times: Times::Every(1_440) };
        let xml = xml(&job, &place);
        assert!(xml.contains("<ExecutionTimeLimit>PT12H</ExecutionTimeLimit>"));
        assert!(xml.contains("<Interval>PT24H</Interval>"));
    }

    #[test]
    fn commands_are_spelled_as_typed() {
        let user = r"OFFICE AND MORE\anna";
        assert_eq!(
            line(&create(Work::Incremental, r"C:\T & x\sync-incremental.xml", user)),
            r#"schtasks /Create /F /TN pgsync\sync-incremental /XML "C:\T & x\sync-incremental.xml" /RU "OFFICE AND MORE\anna" /RP *"#
        );
        assert_eq!(
            line(&query(Work::Reverse)),
            r"schtasks /Query /TN pgsync\sync-reverse /FO LIST"
        );
        assert_eq!(line(&delete(Work::Full)), r"schtasks /Delete /F /TN pgsync\sync-full");
    }

    #[test]
    fn files_are_utf_16_with_their_mark() {
        assert_eq!(utf16("<\u{bae}"), [0xFF, 0xFE, b'<', 0, 0xAE, 0x0B]);
        assert_eq!(escaped("a<b>&'\"\u{7}\u{bae}"), "a&lt;b&gt;&amp;&apos;&quot;\u{bae}");
    }
}
