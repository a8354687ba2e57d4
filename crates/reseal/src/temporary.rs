//! A directory of this process alone, gone at its end.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use reseal_core::call::RequestId;

use crate::system::SystemEntropy;

/// Removed with all that is in it when dropped.
pub(crate) struct TemporaryDirectory(PathBuf);

impl TemporaryDirectory {
    /// Makes one, mode 0700, under a name that nobody can have taken before.
    pub(crate) fn make() -> Result<Self> {
        let id = RequestId::random(&SystemEntropy)?;
        let path = std::env::temp_dir().join(format!("reseal-dev-{id}"));
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("the temporary directory {} cannot be made", path.display()))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn is_private_and_leaves_nothing() {
        let directory = TemporaryDirectory::make().unwrap();
        let path = directory.path().to_owned();
        fs::write(path.join("file"), "x").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        drop(directory);
        assert!(!path.exists());
    }
}
