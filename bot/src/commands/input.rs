//! Files and standard input, decoded, and cut into lines.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek as _};
use std::path::Path;

use botstore::InvalidInput;
use flate2::bufread::MultiGzDecoder;
use sha2::{Digest as _, Sha256};

use crate::terminal::is_hung_up;

/// How much is read at once.
const CHUNK: usize = 64 * 1024;

/// With these two bytes every gzip file begins, and no text.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// An input as people call it.
pub(super) fn name(path: &Path) -> String {
    if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() }
}

/// Where events are read from.
#[derive(Debug)]
pub(super) enum Input {
    StandardInput,
    File(File),
}

/// What reading a file once from end to end tells of it, of its decoded content.
#[derive(Debug)]
pub(super) struct Survey {
    /// The SHA-256, as `sha256:` and 64 hexadecimal digits.
    pub(super) digest: String,
    pub(super) bytes: u64,
    pub(super) lines: u64,
}

impl Input {
    /// Opens a file, or standard input for `-`.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if path.as_os_str() == "-" { Ok(Self::StandardInput) } else { File::open(path).map(Self::File) }
    }

    /// Reads a file from end to end. Standard input, a pipe and the like can be read only once, and are not surveyed.
    pub(super) fn survey(self) -> io::Result<(Self, Option<Survey>)> {
        match self {
            Self::File(mut file) if !is_pipe(&file)? => {
                let survey = Survey::of(decoded(file.try_clone()?)?)?;
                file.rewind()?;
                Ok((Self::File(file), Some(survey)))
            }
            once => Ok((once, None)),
        }
    }

    /// The lines of the decoded content, or of no more than its first `bytes`: what was added to a file since the
    /// survey is not of the content that has this digest.
    pub(super) fn lines(self, bytes: Option<u64>) -> io::Result<Lines> {
        let content = match self {
            Self::StandardInput => decoded(StandardInput)?,
            Self::File(file) => decoded(file)?,
        };
        Ok(Lines {
            content: content.take(bytes.unwrap_or(u64::MAX)),
            buffer: Vec::new(),
            number: 0,
            unfinished: false,
        })
    }
}

/// Standard input, which ends when its terminal is closed.
struct StandardInput;

impl Read for StandardInput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut stdin = io::stdin();
        match stdin.read(buffer) {
            Err(error) if is_hung_up(&error, &stdin) => Ok(0),
            read => read,
        }
    }
}

/// Whether a file is one that can be read only once. A folder is left to fail when it is read.
fn is_pipe(file: &File) -> io::Result<bool> {
    let kind = file.metadata()?.file_type();
    Ok(!kind.is_file() && !kind.is_dir())
}

/// The content, unpacked if it is gzip: the content tells, whatever the name says.
fn decoded(mut raw: impl Read + Send + 'static) -> io::Result<Box<dyn BufRead + Send>> {
    let mut head = Vec::with_capacity(GZIP.len());
    raw.by_ref().take(GZIP.len() as u64).read_to_end(&mut head)?;
    let gzip = head == GZIP;
    let whole = BufReader::with_capacity(CHUNK, Cursor::new(head).chain(raw));
    if gzip {
        Ok(Box::new(BufReader::with_capacity(CHUNK, MultiGzDecoder::new(whole))))
    } else {
        Ok(Box::new(whole))
    }
}

impl Survey {
    fn of(mut content: impl BufRead) -> io::Result<Self> {
        let mut digest = Sha256::new();
        let (mut bytes, mut lines, mut line_is_open) = (0, 0, false);
        loop {
            let chunk = content.fill_buf()?;
            let Some(last) = chunk.last() else { break };
            line_is_open = *last != b'\n';
            lines += chunk.iter().filter(|&&byte| byte == b'\n').count() as u64;
            digest.update(chunk);
            let length = chunk.len();
            bytes += length as u64;
            content.consume(length);
        }
        let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { digest: format!("sha256:{digest}"), bytes, lines: lines + u64::from(line_is_open) })
    }
}

/// The lines of an input. A last one without a line break counts.
pub(super) struct Lines {
    content: io::Take<Box<dyn BufRead + Send>>,
    buffer: Vec<u8>,
    number: i64,
    unfinished: bool,
}

impl Lines {
    /// The longest line that is read, in bytes.
    pub(super) const LONGEST: usize = 1 << 20;

    /// Whether the line that was read last has no line break: its writer may not be done with it.
    pub(super) fn is_unfinished(&self) -> bool {
        self.unfinished
    }

    /// The next line's number, and the line without its line break or what is wrong with it; none at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<(i64, Result<&str, InvalidInput>)>> {
        self.buffer.clear();
        let with_line_break = Self::LONGEST as u64 + 1;
        if self.content.by_ref().take(with_line_break).read_until(b'\n', &mut self.buffer)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.unfinished = self.buffer.last() != Some(&b'\n');
        if !self.unfinished {
            self.buffer.pop();
        } else if self.buffer.len() > Self::LONGEST {
            self.unfinished = false;
            self.content.skip_until(b'\n')?;
            return Ok(Some((self.number, Err(InvalidInput::new("line", "is longer than 1 MiB")))));
        }
        let text = std::str::from_utf8(&self.buffer);
        Ok(Some((self.number, text.map_err(|_| InvalidInput::new("line", "is not UTF-8")))))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn lines(content: Vec<u8>) -> Vec<Result<String, String>> {
        let content = decoded(Cursor::new(content)).unwrap().take(u64::MAX);
        let mut lines = Lines { content, buffer: Vec::new(), number: 0, unfinished: false };
        let mut found = Vec::new();
        while let Some((number, line)) = lines.next().unwrap() {
            found.push(line.map(str::to_owned).map_err(|invalid| invalid.reason));
            assert_eq!(number, found.len() as i64);
        }
        found
    }

    fn survey(content: &[u8]) -> Survey {
        Survey::of(decoded(Cursor::new(content.to_vec())).unwrap()).unwrap()
    }

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_last_line_needs_no_line_break() {
        assert_eq!(lines(b"".to_vec()), []);
        assert_eq!(lines(b"a\n\nb".to_vec()), [Ok("a".into()), Ok(String::new()), Ok("b".into())]);
        assert_eq!((survey(b"").lines, survey(b"a\n").lines, survey(b"a\nb").lines), (0, 1, 2));
    }

    #[test]
    fn a_line_of_1_mib_is_read_and_a_longer_one_is_bad() {
        let mut content = vec![b'a'; Lines::LONGEST];
        content.extend(b"\n");
        content.extend(vec![b'b'; Lines::LONGEST + 1]);
        content.extend(b"\nc\n\xff\n");
        let found = lines(content);
        assert_eq!(found[0].as_ref().map(String::len), Ok(Lines::LONGEST));
        let bad = |reason: &str| Err(reason.to_owned());
        assert_eq!(found[1..], [bad("is longer than 1 MiB"), Ok("c".into()), bad("is not UTF-8")]);
    }

    #[test]
    fn gzip_is_known_by_its_content_and_may_have_several_members() {
        let packed = [gzip(b"a\nb"), gzip(b"c\n")].concat();
        assert_eq!(lines(packed.clone()), [Ok("a".into()), Ok("bc".into())]);
        let (packed, plain) = (survey(&packed), survey(b"a\nbc\n"));
        assert_eq!((packed.digest, packed.bytes, packed.lines), (plain.digest, plain.bytes, plain.lines));
    }

    #[test]
    fn a_digest_is_the_one_that_sha256sum_prints() {
        let expected = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(survey(b"abc").digest, expected);
    }
}
