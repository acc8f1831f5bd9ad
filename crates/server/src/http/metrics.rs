//! What is counted, for Prometheus.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    status: u16,
}

/// The gateway's figures.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Histogram,
    waiting_deliveries: Gauge,
}

/// Bucket limits in seconds: from a cached read to the patience of a person.
const BUCKETS: [f64; 11] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("xanpay");
        let requests = Family::<RequestLabels, Counter>::default();
        let durations = Histogram::new(BUCKETS);
        let waiting_deliveries = Gauge::default();
        registry.register("http_requests", "Requests by route and status", requests.clone());
        registry.register("http_request_duration_seconds", "Time from head to answer", durations.clone());
        registry.register(
            "deliveries_waiting",
            "Notices that wait for their delivery, counted up to 10,000",
            waiting_deliveries.clone(),
        );
        Self { registry, requests, durations, waiting_deliveries }
    }
}

impl Metrics {
    /// Counts a request.
    pub fn observe(&self, route: &str, status: u16, duration: Duration) {
        self.requests.get_or_create(&RequestLabels { route: route.to_owned(), status }).inc();
        self.durations.observe(duration.as_secs_f64());
    }

    /// Sets how many notices wait.
    pub fn set_waiting_deliveries(&self, count: i64) {
        self.waiting_deliveries.set(count);
    }

    /// All figures in the OpenMetrics text format.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a String never fails.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
