//! headclient ENDPOINT SERVICE INTERVAL_MS: an application whose SDK asks ENDPOINT (a URL, with its path) for its sampling rates, with the feature
//! jaeger_remote_sampler of opentelemetry_sdk. Every 100 ms it starts 1,000 traces by each of two names and prints how many were sampled as a line of JSON.
use std::io::Write;
use std::time::Duration;

use opentelemetry::trace::{Span, Tracer, TracerProvider};
use opentelemetry::Context;
use opentelemetry_sdk::runtime::Tokio;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};

const OF: usize = 1000;

fn sampled(tracer: &SdkTracer, name: &'static str) -> usize {
    let root = Context::new();
    let roots = (0..OF).map(|_| tracer.build_with_context(tracer.span_builder(name), &root));
    roots.filter(|span| span.span_context().is_sampled()).count()
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let interval = Duration::from_millis(args[3].parse().expect("INTERVAL_MS"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let _entered = runtime.enter();
    let remote = Sampler::jaeger_remote(Tokio, reqwest::Client::new(), Sampler::AlwaysOff, args[2].clone())
        .with_endpoint(args[1].clone())
        .with_update_interval(interval)
        .build()
        .expect("a sampler");
    let provider = SdkTracerProvider::builder().with_sampler(Sampler::ParentBased(Box::new(remote))).build();
    let tracer = provider.tracer("client");
    loop {
        let (op, rare) = (sampled(&tracer, "op"), sampled(&tracer, "rare"));
        if writeln!(std::io::stdout(), "{{\"op\":{op},\"rare\":{rare},\"of\":{OF},\"attributes\":{{}}}}").is_err() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
