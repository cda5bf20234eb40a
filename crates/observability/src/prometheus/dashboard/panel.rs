//! A panel: what it shows, and what it looks like.

/// A heading, and what stands below it.
pub(super) struct Row {
    pub(super) title: &'static str,
    pub(super) panels: &'static [Panel],
}

/// What a panel looks like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Lines over time.
    Lines,
    /// One figure.
    Figure,
    /// A bar for each.
    Bars,
    /// A strip of colours for each, over time.
    States,
}

impl Shape {
    /// What Grafana calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Lines => "timeseries",
            Self::Figure => "stat",
            Self::Bars => "bargauge",
            Self::States => "state-timeline",
        }
    }

    /// Whether it shows what was, and not only what is.
    pub(super) const fn is_over_time(self) -> bool {
        matches!(self, Self::Lines | Self::States)
    }
}

/// Expressions, and what their series are called. `{own` stands for the selection of instances and services.
type Targets = &'static [(&'static str, &'static str)];

/// One panel.
pub(super) struct Panel {
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    pub(super) shape: Shape,
    pub(super) width: u32,
    pub(super) height: u32,
    /// In Grafana's words.
    pub(super) unit: &'static str,
    /// From where on it has which colour.
    pub(super) steps: &'static [(f64, &'static str)],
    /// Whether it can be below zero.
    pub(super) signed: bool,
    pub(super) targets: Targets,
}

impl Panel {
    /// Lines, a third of the board wide.
    pub(super) const fn lines(
        title: &'static str,
        description: &'static str,
        unit: &'static str,
        targets: Targets,
    ) -> Self {
        let (width, height, shape) = (8, 8, Shape::Lines);
        Self { title, description, shape, width, height, unit, steps: &[], signed: false, targets }
    }

    /// Another shape.
    pub(super) const fn shaped(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    /// One figure, a sixth of the board wide.
    pub(super) const fn figure(self) -> Self {
        self.shaped(Shape::Figure).sized(4, 4)
    }

    /// Another size.
    pub(super) const fn sized(mut self, width: u32, height: u32) -> Self {
        (self.width, self.height) = (width, height);
        self
    }

    /// Colours from values on.
    pub(super) const fn coloured(mut self, steps: &'static [(f64, &'static str)]) -> Self {
        self.steps = steps;
        self
    }

    /// It can be below zero.
    pub(super) const fn signed(mut self) -> Self {
        self.signed = true;
        self
    }

    /// The expression as Grafana evaluates it.
    pub(super) fn expression(short: &str) -> String {
        short.replace("{own", r#"{instance=~"$instance", service=~"$service""#)
    }
}
