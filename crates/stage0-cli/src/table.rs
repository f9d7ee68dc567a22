//! Text in columns.

/// Columns that a text takes on a terminal, colours not counted. Wide characters count as one, which
/// at worst shifts a line.
fn width(text: &str) -> usize {
    let mut columns = 0_usize;
    let mut is_escape = false;
    for character in text.chars() {
        match (is_escape, character) {
            (false, '\u{1b}') => is_escape = true,
            (true, 'm') => is_escape = false,
            (true, _) => {}
            (false, _) => columns = columns.saturating_add(1),
        }
    }
    columns
}

/// Appends rows whose cells stand below each other, two spaces apart; the last cell of a row is never
/// padded.
pub(crate) fn write_rows(out: &mut String, indent: usize, rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| width(cell)).max().unwrap_or(0)
        })
        .collect();
    for row in rows {
        let mut line = " ".repeat(indent);
        for (position, (cell, wide)) in row.iter().zip(&widths).enumerate() {
            line.push_str(cell);
            if position.saturating_add(1) < row.len() {
                let gap = wide.saturating_sub(width(cell)).saturating_add(2);
                line.extend(std::iter::repeat_n(' ', gap));
            }
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::write_rows;

    #[test]
    fn cells_stand_below_each_other() {
        let mut out = String::new();
        let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect();
        let rows = [
            row(&["a", "bbb", "c"]),
            row(&["\u{1b}[1maaaa\u{1b}[0m", "b"]),
            row(&["", "x", "y"]),
        ];
        write_rows(&mut out, 1, &rows);
        assert_eq!(
            out,
            " a     bbb  c\n \u{1b}[1maaaa\u{1b}[0m  b\n       x    y\n"
        );
    }
}
