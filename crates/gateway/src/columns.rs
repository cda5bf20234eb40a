//! The look of every table that is printed.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle, presets};

/// Without upright lines, so that wide tables fit a usual terminal.
const STYLE: TableStyle = presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none());

/// A table with this header. Columns are aligned to the left, but from `numbers_from` to the right.
pub(crate) fn table(
    header: Vec<String>,
    rows: impl IntoIterator<Item = Vec<String>>,
    numbers_from: usize,
) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE);
    // As wide as it needs to be: text that is piped on must not depend on a terminal.
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    table.add_rows(rows);
    for column in table.column_iter_mut().skip(numbers_from) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
