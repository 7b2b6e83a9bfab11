// SPDX-License-Identifier: Apache-2.0 OR MIT
//! One page with all pictures, and a file for each.

use std::path::Path;
use std::{fmt, fs, io};

use cofferdam_plants::Measure;

/// A page could not be written.
#[derive(Debug)]
pub struct WriteError {
    path: String,
    error: io::Error,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write {}: {}", self.path, self.error)
    }
}

impl std::error::Error for WriteError {}

enum Part {
    Heading(String),
    Text(String),
    Measures(Vec<Measure>),
    Picture { name: String, svg: String },
}

/// What is shown, from top to bottom.
pub struct Page {
    title: String,
    parts: Vec<Part>,
}

impl Page {
    /// An empty one.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), parts: Vec::new() }
    }

    /// A heading.
    pub fn heading(&mut self, text: impl Into<String>) {
        self.parts.push(Part::Heading(text.into()));
    }

    /// A paragraph.
    pub fn text(&mut self, text: impl Into<String>) {
        self.parts.push(Part::Text(text.into()));
    }

    /// Figures with their bounds.
    pub fn measures(&mut self, measures: &[Measure]) {
        self.parts.push(Part::Measures(measures.to_vec()));
    }

    /// A picture, which is also kept as NAME.svg.
    pub fn picture(&mut self, name: impl Into<String>, svg: String) {
        self.parts.push(Part::Picture { name: name.into(), svg });
    }

    /// Writes FILE.html and the pictures into `folder`, which is made.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write(&self, folder: &Path, file: &str) -> Result<(), WriteError> {
        let failed = |path: &Path| {
            let path = path.display().to_string();
            move |error| WriteError { path, error }
        };
        fs::create_dir_all(folder).map_err(failed(folder))?;
        for part in &self.parts {
            if let Part::Picture { name, svg } = part {
                let path = folder.join(format!("{name}.svg"));
                fs::write(&path, svg).map_err(failed(&path))?;
            }
        }
        let path = folder.join(format!("{file}.html"));
        fs::write(&path, self.to_html()).map_err(failed(&path))
    }

    fn to_html(&self) -> String {
        let title = escape(&self.title);
        let mut html = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n<style>\n\
             body {{ font-family: sans-serif; max-width: 60em; margin: 2em auto; }}\n\
             td, th {{ padding: 0.2em 0.8em; text-align: left; }}\n.broken {{ color: #b00; font-weight: bold; }}\n\
             </style>\n<h1>{title}</h1>\n"
        );
        for part in &self.parts {
            html.push_str(&match part {
                Part::Heading(text) => format!("<h2>{}</h2>\n", escape(text)),
                Part::Text(text) => format!("<p>{}</p>\n", escape(text)),
                Part::Measures(measures) => table(measures),
                Part::Picture { svg, .. } => format!("{svg}\n"),
            });
        }
        html.push_str("</html>\n");
        html
    }
}

fn table(measures: &[Measure]) -> String {
    let mut html = "<table>\n<tr><th>figure<th>value<th>bound<th>\n".to_owned();
    for measure in measures {
        let Measure { name, unit, value, min, max } = measure;
        let (class, verdict) = if measure.is_kept() { ("kept", "kept") } else { ("broken", "NOT KEPT") };
        html.push_str(&format!(
            "<tr class=\"{class}\"><td>{}<td>{value:.3} {unit}<td>{min} to {max} {unit}<td>{verdict}\n",
            escape(name)
        ));
    }
    html.push_str("</table>\n");
    html
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_holds_everything_and_its_pictures_are_files() {
        let mut page = Page::new("a < b");
        page.heading("Flight");
        page.text("In words.");
        let measure = Measure { name: "height", unit: "m", value: 3.0, min: 0.0, max: 2.0 };
        page.measures(&[measure]);
        page.picture("way", "<svg>drawn</svg>".to_owned());
        let folder = tempfile::tempdir().unwrap();
        page.write(&folder.path().join("report"), "flight").unwrap();
        let html = fs::read_to_string(folder.path().join("report/flight.html")).unwrap();
        for wanted in ["a &lt; b", "Flight", "In words.", "NOT KEPT", "<svg>drawn</svg>"] {
            assert!(html.contains(wanted), "{html}");
        }
        assert_eq!(fs::read_to_string(folder.path().join("report/way.svg")).unwrap(), "<svg>drawn</svg>");
        assert!(page.write(&folder.path().join("report/way.svg"), "x").is_err(), "a file is no folder");
    }
}
