//! What the actor is asked and told of paces.

use actix::prelude::*;

use super::LimiterActor;
use crate::messages::{Hinted, Paces};

impl Handler<Paces> for LimiterActor {
    type Result = MessageResult<Paces>;

    fn handle(&mut self, _: Paces, ctx: &mut Context<Self>) -> Self::Result {
        let mut paces = Vec::new();
        self.enter(ctx, |machine, now| paces = machine.paces(now));
        MessageResult(paces)
    }
}

impl Handler<Hinted> for LimiterActor {
    type Result = ();

    fn handle(&mut self, hinted: Hinted, ctx: &mut Context<Self>) {
        let Hinted { sent_at, hints } = hinted;
        self.enter(ctx, |machine, now| machine.hinted(now, sent_at, &hints));
    }
}
