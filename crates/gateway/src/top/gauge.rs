//! A share as a bar of text, to an eighth of a character.

use ratatui::style::{Color, Style};
use ratatui::text::Span;

/// The parts of a character that can be filled, from none to all.
const EIGHTHS: [char; 9] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
/// From where on a bar warns, and from where on it alarms.
const WARNS: (f64, f64) = (0.75, 0.95);

/// A bar of `width` characters, of which `share` is filled: 0 to 1.
pub(super) fn bar(share: f64, width: u16) -> Span<'static> {
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    let eighths = share * f64::from(width) * 8.0;
    let filled = |at: u16| (eighths - f64::from(at) * 8.0).clamp(0.0, 8.0);
    let character = |at: u16| {
        let filled = filled(at);
        let place = (0_u8..=8).rev().find(|eighth| f64::from(*eighth) <= filled).unwrap_or(0);
        EIGHTHS[usize::from(place)]
    };
    let text: String = (0..width).map(character).collect();
    Span::styled(text, Style::new().fg(colour(share)).bg(Color::DarkGray))
}

/// The colour of something that is so full.
pub(super) fn colour(share: f64) -> Color {
    match share {
        share if share >= WARNS.1 => Color::Red,
        share if share >= WARNS.0 => Color::Yellow,
        _ => Color::Green,
    }
}

/// A share in words: four characters.
pub(super) fn percent(share: f64) -> String {
    format!("{:>3.0}%", share.clamp(0.0, 1.0) * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share() {
        let bars = [-1.0, 0.0, 0.124, 0.5, 0.95, 1.0, 7.0, f64::NAN].map(|share| {
            let bar = bar(share, 4);
            assert_eq!(bar.content.chars().count(), 4);
            format!("[{}]", bar.content)
        });
        assert_eq!(
            bars,
            ["[    ]", "[    ]", "[▍   ]", "[██  ]", "[███▊]", "[████]", "[████]", "[    ]"]
        );
        assert_eq!(percent(0.5), " 50%");
    }
}
