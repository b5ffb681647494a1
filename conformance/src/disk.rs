//! A small disk of its own, which can be full, and whose power can be cut. Only root can have one.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context as _, bail, ensure};

/// Waits until the process that started it ends, however it does, and removes its disk.
const WATCHDOG: &str = r#"read -r _; umount --lazy "$1/disk"; rm -rf --one-file-system "$1""#;

/// Waits for a line, then ends ext4 at once, without writing what it still has in memory (`EXT4_IOC_SHUTDOWN`,
/// `EXT4_GOING_FLAGS_NOLOGFLUSH`).
const SWITCH: &str = r#"open(my $disk, "<", $ARGV[0]) or die "$!\n"; my $how = pack("I", 2);
    $| = 1; print "ready\n"; <STDIN>; defined ioctl($disk, 0x8004587d, $how) or die "$!\n";"#;

/// A disk. It is removed when this is dropped, and also when this process is killed.
#[derive(Debug)]
pub struct Disk {
    image: Option<PathBuf>,
    path: PathBuf,
    watchdog: Child,
}

/// A file that takes room.
#[derive(Debug)]
pub struct Ballast(PathBuf);

/// A hand on the switch of a disk.
#[derive(Debug)]
pub struct Switch(Child);

impl Disk {
    /// A disk in memory with so much room, in MiB.
    ///
    /// # Errors
    ///
    /// It cannot be mounted.
    pub fn in_memory(room: u32) -> anyhow::Result<Self> {
        Self::mounted(|_, path| {
            let room = format!("size={room}m");
            run(
                "mount",
                ["-t", "tmpfs", "-o", &room, "botstore"]
                    .map(OsStr::new)
                    .into_iter()
                    .chain([path.as_os_str()]),
            )?;
            Ok(None)
        })
    }

    /// A disk with ext4, in a file of so many MiB. Its power can be cut.
    ///
    /// # Errors
    ///
    /// It cannot be made or mounted.
    pub fn in_a_file(size: u64) -> anyhow::Result<Self> {
        Self::mounted(|directory, path| {
            let image = directory.join("image");
            File::create_new(&image)?.set_len(size << 20)?;
            run("mkfs.ext4", ["-q".as_ref(), image.as_os_str()])?;
            mount(&image, path)?;
            Ok(Some(image))
        })
    }

    fn mounted(mount: impl FnOnce(&Path, &Path) -> anyhow::Result<Option<PathBuf>>) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("botstore-disk-").tempdir()?;
        let path = directory.path().join("disk");
        fs::create_dir(&path)?;
        let image = mount(directory.path(), &path)?;
        let mut watchdog = Command::new("sh");
        // In a group of its own: an interrupt from the keyboard ends us, and our end is what it waits for.
        watchdog.args(["-c", WATCHDOG, "watchdog"]).arg(directory.keep()).process_group(0).current_dir("/");
        let watchdog = watchdog.stdin(Stdio::piped()).spawn().context("there is no shell")?;
        Ok(Self { image, path, watchdog })
    }

    /// Why there can be no disks in memory here; none if there can.
    #[must_use]
    pub fn why_none_in_memory() -> Option<&'static str> {
        static REASON: OnceLock<Option<String>> = OnceLock::new();
        REASON.get_or_init(|| reason(Self::in_memory(1))).as_deref()
    }

    /// Why there can be no disks in files here; none if there can.
    #[must_use]
    pub fn why_none_in_a_file() -> Option<&'static str> {
        static REASON: OnceLock<Option<String>> = OnceLock::new();
        REASON.get_or_init(|| reason(Self::in_a_file(8))).as_deref()
    }

    /// The directory in which the disk is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Fills the disk by a file, but for so many bytes.
    ///
    /// # Errors
    ///
    /// It cannot be written, for another reason than that it is full.
    pub fn fill(&self, name: &str, but: u64) -> anyhow::Result<Ballast> {
        let path = self.path.join(name);
        let mut ballast = File::create(&path)?;
        let block = [0; 4096];
        let mut written = 0;
        loop {
            match ballast.write(&block) {
                Ok(count) => written += count as u64,
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => return Err(error.into()),
            }
        }
        ensure!(written >= but, "the disk has no {but} bytes left");
        ballast.set_len(written - but)?;
        Ok(Ballast(path))
    }

    /// A hand on the switch, so that the power is cut at once when it is to be.
    ///
    /// # Errors
    ///
    /// There is no Perl.
    pub fn switch(&self) -> anyhow::Result<Switch> {
        let mut command = Command::new("perl");
        command.args(["-e", SWITCH]).arg(&self.path).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut hand = command.spawn().context("there is no perl")?;
        let mut said = String::new();
        if let Some(stdout) = hand.stdout.take() {
            BufReader::new(stdout).read_line(&mut said)?;
        }
        ensure!(said == "ready\n", "the switch cannot be had");
        Ok(Switch(hand))
    }

    /// Mounts the disk again, as after the machine was started. Nothing on it may be open.
    ///
    /// # Errors
    ///
    /// It is in memory, or something is open.
    pub fn remount(&self) -> anyhow::Result<()> {
        let image = self.image.as_ref().context("what is in memory is gone when it is unmounted")?;
        run("umount", [&self.path])?;
        mount(image, &self.path)
    }
}

impl Ballast {
    /// Gives the room back.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub fn remove(self) -> anyhow::Result<()> {
        // Not by removing it: a process that is just being started may still have it open.
        File::create(&self.0)?;
        Ok(())
    }
}

impl Switch {
    /// Cuts the power: what was not synced is lost, and what is open fails from now on. A program that still has a log's
    /// index in its memory dies by that.
    ///
    /// An `fsync` that the cut overtakes can say that all went well, although nothing did: nobody would have heard so of a
    /// machine without power. Only what was said before the cut counts.
    ///
    /// # Errors
    ///
    /// The system refuses: the disk is in memory.
    pub fn cut(mut self) -> anyhow::Result<()> {
        // It waits for a line, or for the end.
        drop(self.0.stdin.take());
        ensure!(self.0.wait()?.success(), "the power could not be cut");
        Ok(())
    }
}

fn mount(image: &Path, path: &Path) -> anyhow::Result<()> {
    run("mount", ["-o".as_ref(), "loop".as_ref(), image.as_os_str(), path.as_os_str()])
}

fn reason(disk: anyhow::Result<Disk>) -> Option<String> {
    disk.err().map(|error| format!("no disk can be mounted here: {error:#}"))
}

/// Runs a program to its end.
///
/// # Errors
///
/// There is no such program, or it fails: what it says.
pub fn run(program: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> anyhow::Result<()> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("cannot run {program}"))?;
    if output.status.success() {
        return Ok(());
    }
    bail!("{program} failed: {}", String::from_utf8_lossy(&output.stderr).trim())
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        if let Err(error) = self.watchdog.wait() {
            eprintln!("{}: {error}", self.path.display());
        }
    }
}
