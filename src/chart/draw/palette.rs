//! Colours that can be told apart, by colour-blind readers too.
//!
//! The colours are those of Okabe and Ito ("Color Universal Design", 2008) but for black, which would be lost in dark
//! mode. No more than these seven can be told apart without full colour vision, so the next seven slices have them again
//! under dark stripes, and the next under dark dots: that is seen in a black and white print as well.

use super::num;
use maud::{Markup, html};

const COLOURS: [&str; 7] = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442"];
const OTHERS: &str = "#999999";
const DARK: &str = "#1a1a1a";

/// What lies over the colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Texture {
    /// Nothing.
    Plain,
    /// Dark stripes.
    Stripes,
    /// Dark dots.
    Dots,
}

/// How a slice is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paint {
    /// `#rrggbb`.
    pub(crate) colour: &'static str,
    pub(crate) texture: Texture,
}

impl Paint {
    /// Of the slice at this place.
    pub(crate) fn nth(place: usize) -> Self {
        let texture = match place / COLOURS.len() % 3 {
            0 => Texture::Plain,
            1 => Texture::Stripes,
            _ => Texture::Dots,
        };
        Self { colour: COLOURS[place % COLOURS.len()], texture }
    }

    /// Of all that is beyond the limit.
    pub(crate) const OTHERS: Self = Self { colour: OTHERS, texture: Texture::Plain };

    /// Draws a shape in this paint: once in its colour, and once more where something lies over that.
    pub(super) fn fill(self, id: &str, shape: impl Fn(&str) -> Markup) -> Markup {
        let over = |name: &str| shape(&format!("url(#{id}-{name})"));
        html! {
            (shape(self.colour))
            @match self.texture {
                Texture::Plain => {}
                Texture::Stripes => (over("stripes")),
                Texture::Dots => (over("dots")),
            }
        }
    }
}

/// The definitions of the textures that these paints use.
pub(super) fn definitions(id: &str, paints: &[Paint]) -> Markup {
    let uses = |texture| paints.iter().any(|paint| paint.texture == texture);
    let pattern = |name: &str, size: f64, drawn: Markup| {
        html! {
            pattern id={ (id) "-" (name) } width=(num(size)) height=(num(size)) patternUnits="userSpaceOnUse" { (drawn) }
        }
    };
    html! {
        @if uses(Texture::Stripes) {
            (pattern("stripes", 5.0, html! { path d="M-1 1 1 -1M0 5 5 0M4 6 6 4" stroke=(DARK) stroke-width="1.2" {} }))
        }
        @if uses(Texture::Dots) {
            (pattern("dots", 4.5, html! { circle cx="2.25" cy="2.25" r="1.1" fill=(DARK) {} }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn as_many_slices_as_a_chart_has_are_painted_differently() {
        let paints: HashSet<String> = (0..21).map(|place| format!("{:?}", Paint::nth(place))).collect();
        assert_eq!(paints.len(), 21);
    }
}
