//! The machine of one service through its edges: LIM-1 to LIM-6, ORD-2, BREAK-1, BREAK-2, BREAK-5, SLOT-1.

#[path = "limiter/counted.rs"]
mod counted;
#[path = "limiter/dice.rs"]
mod dice;
#[path = "limiter/foretold.rs"]
mod foretold;
#[path = "limiter/full_queue.rs"]
mod full_queue;
#[path = "limiter/histories.rs"]
mod histories;
#[path = "limiter/history.rs"]
mod history;
#[path = "limiter/learned_slots.rs"]
mod learned_slots;
#[path = "limiter/let_past.rs"]
mod let_past;
#[path = "limiter/paces.rs"]
mod paces;
#[path = "limiter/part_slots.rs"]
mod part_slots;
#[path = "limiter/parts.rs"]
mod parts;
#[path = "limiter/probes.rs"]
mod probes;
#[path = "limiter/quotas.rs"]
mod quotas;
#[path = "limiter/settings.rs"]
mod settings;
#[path = "limiter/stage.rs"]
mod stage;
#[path = "limiter/stops.rs"]
mod stops;
#[path = "limiter/turns.rs"]
mod turns;
