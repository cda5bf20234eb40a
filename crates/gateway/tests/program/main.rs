//! The program as its users meet it: arguments in, text and an exit code out.

mod alerts;
mod check;
mod feedback;
mod help;
mod replay;
mod serve;
mod served;
mod support;
