//! What the system says about a process (proc(5)).

use crate::Failure;
use std::time::Duration;

/// Length of a clock tick in /proc/PID/stat: Linux shows user space 100 per second on every architecture in use.
const TICK: Duration = Duration::from_millis(10);

fn ticks(stat: &str) -> Option<u32> {
    // The program's name is in parentheses and may hold anything; utime and stime are fields 14 and 15.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let (user, system) = (fields.next()?.parse::<u32>().ok()?, fields.next()?.parse::<u32>().ok()?);
    Some(user + system)
}

/// CPU time that a process has used in user and system mode, with a resolution of 10 ms.
pub(crate) fn cpu(pid: u32) -> Result<Duration, Failure> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    Ok(TICK * ticks(&stat).ok_or("/proc/PID/stat has another form than expected")?)
}

/// CPU time that all processes called `name` have used, those included that live at the moment of asking.
pub(crate) fn cpu_of_all(name: &str) -> Duration {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Duration::ZERO };
    let wanted = format!("({name})");
    let stats = processes.flatten().filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    stats.filter(|stat| stat.contains(&wanted)).filter_map(|stat| ticks(&stat)).map(|ticks| TICK * ticks).sum()
}

/// Time that the calling thread has been running on a CPU, in nanoseconds.
pub(crate) fn thread_cpu() -> Result<u64, Failure> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split_whitespace().next().ok_or("/proc/thread-self/schedstat is empty")?.parse()?)
}

/// Resident memory now and at its highest, in MiB.
pub(crate) fn memory(pid: u32) -> Result<(f64, f64), Failure> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).map(|kib| kib / 1024.0)
    };
    let missing = "/proc/PID/status has another form than expected";
    Ok((field("VmRSS:").ok_or(missing)?, field("VmHWM:").ok_or(missing)?))
}
