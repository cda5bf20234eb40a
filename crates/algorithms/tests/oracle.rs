//! Every algorithm against a brute-force count: ALG-1 to ALG-7.

#[path = "oracle/buckets.rs"]
mod buckets;
#[path = "oracle/changes.rs"]
mod changes;
#[path = "oracle/levels.rs"]
mod levels;
#[path = "oracle/limits.rs"]
mod limits;
#[path = "oracle/refunds.rs"]
mod refunds;
#[path = "oracle/spans.rs"]
mod spans;
#[path = "oracle/subjects.rs"]
mod subjects;
#[path = "oracle/trace.rs"]
mod trace;
#[path = "oracle/windows.rs"]
mod windows;
