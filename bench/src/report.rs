//! The figures as a table and as JSON.

use crate::disk::Disk;
use crate::engine::{Ceiling, HALF_LOAD, Measured, Round};
use crate::load::Outcome;
use crate::micro::Micro;
use crate::options::{Kind, Plan};
use crate::scripts::CLIENTS;
use serde_json::{Map, Value, json};
use std::fmt::Write;
use std::time::Duration;

/// A whole run.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) plan: Plan,
    pub(crate) disk: Disk,
    pub(crate) engines: Vec<Measured>,
    pub(crate) micro: Option<Micro>,
}

/// A promise and what was measured. On several engines the worst one counts.
struct Bar {
    name: &'static str,
    measured: f64,
    bar: f64,
    /// Whether more is better.
    at_least: bool,
}

impl Bar {
    fn is_met(&self) -> bool {
        if self.at_least { self.measured >= self.bar } else { self.measured <= self.bar }
    }
}

/// The round whose ratio is in the middle.
fn median(rounds: &[Round]) -> Option<&Round> {
    let mut sorted: Vec<&Round> = rounds.iter().collect();
    sorted.sort_by(|a, b| a.ratio().total_cmp(&b.ratio()));
    sorted.get(sorted.len() / 2).copied()
}

fn median_ms(times: &[Duration]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted.get(sorted.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}

fn per_second(measured: &Measured) -> f64 {
    measured.drain.notices as f64 / measured.drain.elapsed.as_secs_f64()
}

fn rounded(figure: f64) -> Value {
    json!((figure * 1000.0).round() / 1000.0)
}

fn outcome_json(outcome: &Outcome) -> Map<String, Value> {
    let figures = [
        ("per_s", outcome.rate()),
        ("p50_ms", outcome.quantile_ms(0.5)),
        ("p99_ms", outcome.quantile_ms(0.99)),
        ("server_cpu_us", outcome.server_cpu_us()),
        ("database_cpu_us", outcome.database_cpu_us()),
        ("generator_cpu_us", outcome.generator_cpu_us()),
    ];
    figures.into_iter().map(|(name, figure)| (name.to_owned(), rounded(figure))).collect()
}

fn half_load_json(outcome: &Outcome) -> Map<String, Value> {
    let mut members = outcome_json(outcome);
    members.insert("clock_p99_ms".to_owned(), rounded(outcome.late_ms(0.99)));
    members
}

fn rounds_json(rounds: &[Round]) -> Value {
    let Some(middle) = median(rounds) else { return Value::Null };
    let mut members = outcome_json(&middle.gateway);
    members.insert("ceiling_per_s".to_owned(), rounded(middle.ceiling.rate));
    members.insert("ceiling_cpu_us".to_owned(), rounded(middle.ceiling.cpu_us));
    if let Some(bulk) = middle.bulk {
        members.insert("bulk_ceiling_per_s".to_owned(), rounded(bulk.rate));
        members.insert("bulk_ceiling_cpu_us".to_owned(), rounded(bulk.cpu_us));
    }
    members.insert("ratio".to_owned(), rounded(middle.ratio()));
    members.insert("ratios".to_owned(), rounds.iter().map(|round| rounded(round.ratio())).collect());
    Value::Object(members)
}

fn engine_json(measured: &Measured) -> Value {
    let drain = &measured.drain;
    json!({
        "charges": rounds_json(&measured.charges),
        "sessions": rounds_json(&measured.sessions),
        "half_load": half_load_json(&measured.half_load),
        "healthz": outcome_json(&measured.floor),
        "get_session": outcome_json(&measured.session_reads),
        "page_views": outcome_json(&measured.page_views),
        "webhooks": {
            "notices": drain.notices,
            "per_s": rounded(per_second(measured)),
            "server_cpu_us": rounded(drain.server_cpu.as_secs_f64() * 1e6 / drain.notices.max(1) as f64),
        },
        "start_ms": rounded(median_ms(&measured.starts)),
        "idle_rss_mb": rounded(measured.idle_mb),
        "loaded_rss_mb": rounded(measured.loaded_mb),
    })
}

impl Report {
    fn bars(&self) -> Vec<Bar> {
        let mut bars = Vec::new();
        for measured in &self.engines {
            let (name, bar) = match measured.kind {
                Kind::Sqlite => ("charges_sqlite_ratio", 0.6),
                Kind::Postgres => ("charges_postgres_ratio", 0.5),
            };
            let ratio = median(&measured.charges).map_or(0.0, Round::ratio);
            bars.push(Bar { name, measured: ratio, bar, at_least: true });
        }
        let mut worst = |name, bar, at_least, figure: &dyn Fn(&Measured) -> f64| {
            let figures = self.engines.iter().map(figure);
            let measured = if at_least { figures.reduce(f64::min) } else { figures.reduce(f64::max) };
            bars.extend(measured.map(|measured| Bar { name, measured, bar, at_least }));
        };
        worst("p99_ms_at_3000_per_s", 10.0, false, &|measured| measured.half_load.quantile_ms(0.99));
        worst("get_session_cpu_us", 30.0, false, &|measured| measured.session_reads.server_cpu_us());
        worst("page_views_per_s", 10_000.0, true, &|measured| measured.page_views.rate());
        worst("webhooks_per_s", 5000.0, true, &per_second);
        worst("idle_rss_mb", 40.0, false, &|measured| measured.idle_mb);
        worst("start_ms", 300.0, false, &|measured| median_ms(&measured.starts));
        if let Some(micro) = self.micro {
            bars.push(Bar { name: "nonce_cpu_us", measured: micro.nonce_us, bar: 1000.0, at_least: false });
            bars.push(Bar { name: "payload_cpu_us", measured: micro.payload_us, bar: 10.0, at_least: false });
            bars.push(Bar { name: "qr_cpu_us", measured: micro.qr_us, bar: 400.0, at_least: false });
        }
        bars
    }

    /// Every figure as one JSON object; those with a bar at its top.
    pub(crate) fn json(&self) -> Value {
        let mut members = Map::new();
        for bar in self.bars() {
            members.insert(bar.name.to_owned(), rounded(bar.measured));
        }
        let bars = self.bars().into_iter().map(|bar| {
            let kind = if bar.at_least { "at_least" } else { "at_most" };
            json!({ "name": bar.name, "measured": rounded(bar.measured), kind: bar.bar, "met": bar.is_met() })
        });
        members.insert("bars".to_owned(), bars.collect());
        members.insert("clients".to_owned(), CLIENTS.into());
        members.insert("cores".to_owned(), std::thread::available_parallelism().map_or(0, usize::from).into());
        members.insert("seconds".to_owned(), rounded(self.plan.measure.as_secs_f64()));
        members.insert("half_load_per_s".to_owned(), HALF_LOAD.into());
        members.insert("disk_p50_ms".to_owned(), rounded(self.disk.p50_ms));
        members.insert("disk_p99_ms".to_owned(), rounded(self.disk.p99_ms));
        for measured in &self.engines {
            members.insert(measured.kind.name().to_owned(), engine_json(measured));
        }
        Value::Object(members)
    }

    /// Every figure as text.
    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        // Writing to a String never fails.
        let Disk { p50_ms, p99_ms } = self.disk;
        let _ = writeln!(text, "a durable write on this disk: p50 {p50_ms:.2} ms, p99 {p99_ms:.2} ms\n");
        for measured in &self.engines {
            let _ = write_engine(&mut text, measured);
        }
        if let Some(micro) = self.micro {
            let _ = writeln!(text, "single steps, CPU");
            let _ = writeln!(text, "  nonce among 10,000 payable charges {:>10.1} us", micro.nonce_us);
            let _ = writeln!(text, "  QR text                            {:>10.1} us", micro.payload_us);
            let _ = writeln!(text, "  QR matrix and SVG                  {:>10.1} us\n", micro.qr_us);
        }
        let _ = writeln!(text, "{:<24} {:>12} {:>14}", "bar", "measured", "asked");
        for bar in self.bars() {
            let sign = if bar.at_least { ">=" } else { "<=" };
            let met = if bar.is_met() { "" } else { "   MISSED" };
            let _ = writeln!(text, "{:<24} {:>12.3} {:>3} {:>10}{met}", bar.name, bar.measured, sign, bar.bar);
        }
        text.truncate(text.trim_end().len());
        text
    }
}

fn write_engine(text: &mut String, measured: &Measured) -> std::fmt::Result {
    writeln!(text, "{}, {CLIENTS} clients", measured.kind.name())?;
    let heads = ["ceiling/s", "CPU us", "gateway/s", "ratio", "p50 ms", "p99 ms", "CPU us", "db CPU us", "load CPU us"];
    write!(text, "  {:<28}", "")?;
    heads.iter().try_for_each(|head| write!(text, " {head:>11}"))?;
    writeln!(text)?;
    for (name, rounds) in [("POST /charges", &measured.charges), ("POST /sessions", &measured.sessions)] {
        if let Some(round) = median(rounds) {
            write_line(text, name, Some(round.ceiling), &round.gateway)?;
            if let Some(Ceiling { rate, cpu_us }) = round.bulk {
                writeln!(text, "    a statement per commit     {rate:>11.0} {cpu_us:>11.1}")?;
            }
        }
    }
    let half = format!("POST /charges at {HALF_LOAD}/s");
    write_line(text, &half, None, &measured.half_load)?;
    let (p50, p99) = (measured.half_load.late_ms(0.5), measured.half_load.late_ms(0.99));
    writeln!(text, "    by which the clock was late{:>48} {p50:>11.2} {p99:>11.2}", "")?;
    write_line(text, "GET /healthz", None, &measured.floor)?;
    write_line(text, "GET /sessions/{id}", None, &measured.session_reads)?;
    write_line(text, "GET /checkout/", None, &measured.page_views)?;
    let drain = &measured.drain;
    let each = drain.server_cpu.as_secs_f64() * 1e6 / drain.notices.max(1) as f64;
    let (rate, notices) = (per_second(measured), drain.notices);
    writeln!(text, "  notices delivered: {rate:.0}/s of {notices}, {each:.1} us CPU each")?;
    let (start, idle, loaded) = (median_ms(&measured.starts), measured.idle_mb, measured.loaded_mb);
    writeln!(text, "  start to first answer: {start:.0} ms; memory: {idle:.1} MiB idle, {loaded:.1} MiB loaded\n")
}

fn write_line(text: &mut String, name: &str, ceiling: Option<Ceiling>, outcome: &Outcome) -> std::fmt::Result {
    write!(text, "  {name:<28}")?;
    match ceiling {
        Some(Ceiling { rate, cpu_us }) => {
            write!(text, " {rate:>11.0} {cpu_us:>11.1} {:>11.0} {:>11.2}", outcome.rate(), outcome.rate() / rate)?;
        }
        None => write!(text, " {:>11} {:>11} {:>11.0} {:>11}", "", "", outcome.rate(), "")?,
    }
    let (p50, p99) = (outcome.quantile_ms(0.5), outcome.quantile_ms(0.99));
    let (server, database, load) = (outcome.server_cpu_us(), outcome.database_cpu_us(), outcome.generator_cpu_us());
    writeln!(text, " {p50:>11.2} {p99:>11.2} {server:>11.1} {database:>11.1} {load:>11.1}")
}
