//! How cells look.

use rust_xlsxwriter::{Color, Format, FormatAlign, FormatBorder};

const HEADING: Color = Color::RGB(0x00_1F_4E_78);
const SOFT: Color = Color::RGB(0x00_DD_EB_F7);
const WARNING: Color = Color::RGB(0x00_FF_E6_99);

/// The formats of the sheet of the rows.
pub(super) struct Styles {
    pub(super) heading: Format,
    pub(super) boolean: Format,
    pub(super) date: Format,
    pub(super) exact_date: Format,
    pub(super) long_number: Format,
    pub(super) quoted: Format,
}

impl Styles {
    pub(super) fn new() -> Self {
        Self {
            heading: heading(),
            // Excel shows booleans as such whatever the format is; others show the number that stands in the file.
            boolean: Format::new().set_num_format("\"TRUE\";;\"FALSE\"").set_align(FormatAlign::Center),
            date: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
            // Without them Excel would round up, into the next day at times.
            exact_date: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss.000"),
            long_number: Format::new().set_num_format("0"),
            // Whoever edits such a text and leaves it has still a text, no formula.
            quoted: Format::new().set_quote_prefix(),
        }
    }
}

/// Of a column.
pub(super) fn heading() -> Format {
    Format::new().set_bold().set_background_color(SOFT).set_border_bottom(FormatBorder::Thin)
}

/// Of the summary as a whole.
pub(super) fn title() -> Format {
    Format::new().set_bold().set_font_size(18).set_font_color(HEADING)
}

/// Of a part of the summary.
pub(super) fn subtitle() -> Format {
    Format::new().set_bold().set_font_size(13).set_font_color(HEADING)
}

/// Of what a line of the summary is about.
pub(super) fn label() -> Format {
    Format::new().set_bold().set_align(FormatAlign::Top)
}

/// Of what it says: a text of any length, in lines.
pub(super) fn prose() -> Format {
    Format::new().set_text_wrap().set_align(FormatAlign::Top).set_align(FormatAlign::Left)
}

/// Of what nobody should miss.
pub(super) fn warning() -> Format {
    prose().set_bold().set_background_color(WARNING)
}

/// Of a moment, as its own zone says.
pub(super) fn moment() -> Format {
    prose().set_num_format("yyyy-mm-dd hh:mm:ss \"UTC\"")
}

/// Of a number of things.
pub(super) fn count() -> Format {
    Format::new().set_num_format("#,##0")
}

/// Of a part of the whole.
pub(super) fn share() -> Format {
    Format::new().set_num_format("0.0%")
}
