//! The environment, read here and nowhere else in the crate (A5).
//!
//! | variable | meaning |
//! |---|---|
//! | `PENSTOCK_HOME` | folder of cache and state together; without it `$XDG_CACHE_HOME/penstock` and `$XDG_DATA_HOME/penstock` |
//! | `PENSTOCK_PYTHON` | the Python whose pip fetches packages; without it `python3` |
//! | `PENSTOCK_LOG` | what is logged, as in `info` or `gateway=debug`; without it warnings |
//! | `HF_HUB_OFFLINE` | `1`: nothing is fetched |
//! | `OPENAI_API_KEY` | the key that `penstock chat` sends |
//! | `PENSTOCK_ADMIN_KEY` | the key that `penstock deploy` and its like send |
//!
//! The hub's client reads `HF_ENDPOINT`, `HF_TOKEN` and `HF_HOME` itself.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use engine::hub::{ModelStore, PullOptions};

/// Variables of the environment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    vars: BTreeMap<String, String>,
}

impl Environment {
    /// What the process was given. A variable that is not UTF-8 is left out.
    pub(crate) fn of_process() -> Self {
        let utf8 = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            vars: std::env::vars_os().filter_map(utf8).collect(),
        }
    }

    /// All variables, for `${VAR}` in configurations.
    pub(crate) fn vars(&self) -> &BTreeMap<String, String> {
        &self.vars
    }

    /// The cache of models.
    pub(crate) fn store(&self) -> Result<ModelStore> {
        let folder = match (self.get("PENSTOCK_HOME"), self.get("XDG_CACHE_HOME")) {
            (Some(home), _) => PathBuf::from(home),
            (None, Some(cache)) => PathBuf::from(cache).join("penstock"),
            (None, None) => {
                let home = self.get("HOME").context(
                    "there is no folder for models: none of PENSTOCK_HOME, XDG_CACHE_HOME and HOME \
                     is set",
                )?;
                PathBuf::from(home).join(".cache/penstock")
            }
        };
        Ok(ModelStore::new(folder.join("models")))
    }

    /// Where a server keeps what must survive a restart, unless its configuration says; `None` where the
    /// environment names no folder at all.
    pub(crate) fn data_dir(&self) -> Option<PathBuf> {
        let under = |name, rest: &str| {
            self.get(name)
                .map(|folder| PathBuf::from(folder).join(rest))
        };
        under("PENSTOCK_HOME", "data")
            .or_else(|| under("XDG_DATA_HOME", "penstock"))
            .or_else(|| under("HOME", ".local/share/penstock"))
    }

    /// How models are fetched.
    pub(crate) fn pull_options(&self) -> PullOptions {
        let offline = self.get("HF_HUB_OFFLINE");
        PullOptions {
            offline: offline.is_some_and(|v| matches!(v, "1" | "true" | "TRUE" | "yes" | "on")),
            python: self.get("PENSTOCK_PYTHON").unwrap_or("python3").into(),
            ..PullOptions::default()
        }
    }

    /// What is logged.
    pub(crate) fn log_filter(&self) -> &str {
        // The hub's client logs as errors what the next source makes good.
        self.get("PENSTOCK_LOG")
            .unwrap_or("warn,hf_hub=off,hf_xet=off")
    }

    /// The key for `penstock chat`.
    pub(crate) fn api_key(&self) -> Option<&str> {
        self.get("OPENAI_API_KEY")
    }

    /// The key for the administrators' API of a server.
    pub(crate) fn admin_key(&self) -> Option<&str> {
        self.get("PENSTOCK_ADMIN_KEY")
    }

    /// A variable that is set and not empty.
    fn get(&self, name: &str) -> Option<&str> {
        self.vars
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(vars: [(&str, &str); N]) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            vars: vars.into_iter().map(owned).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn models_lie_where_the_environment_says() {
        let root = |environment: Environment| environment.store().unwrap().root().to_owned();
        let home = [
            ("HOME", "/home/me"),
            ("XDG_CACHE_HOME", ""),
            ("PENSTOCK_HOME", ""),
        ];
        assert_eq!(
            root(home.into()),
            Path::new("/home/me/.cache/penstock/models")
        );
        let xdg = [
            ("HOME", "/home/me"),
            ("XDG_CACHE_HOME", "/c"),
            ("PENSTOCK_HOME", ""),
        ];
        assert_eq!(root(xdg.into()), Path::new("/c/penstock/models"));
        let own = [
            ("HOME", "/home/me"),
            ("XDG_CACHE_HOME", "/c"),
            ("PENSTOCK_HOME", "/p"),
        ];
        assert_eq!(root(own.into()), Path::new("/p/models"));
        assert!(Environment::default().store().is_err());
    }

    #[test]
    fn state_lies_apart_from_the_cache() {
        let data_dir = |vars: [(&str, &str); 3]| Environment::from(vars).data_dir().unwrap();
        let vars = |home, data| {
            [
                ("HOME", "/home/me"),
                ("PENSTOCK_HOME", home),
                ("XDG_DATA_HOME", data),
            ]
        };
        assert_eq!(
            data_dir(vars("", "")),
            Path::new("/home/me/.local/share/penstock")
        );
        assert_eq!(data_dir(vars("", "/d")), Path::new("/d/penstock"));
        assert_eq!(data_dir(vars("/p", "/d")), Path::new("/p/data"));
        assert_eq!(Environment::default().data_dir(), None);
    }

    #[test]
    fn offline_is_a_yes_or_a_no() {
        let offline = |value| {
            Environment::from([("HF_HUB_OFFLINE", value)])
                .pull_options()
                .offline
        };
        assert!(offline("1") && offline("true"));
        assert!(!offline("0") && !offline(""));
    }
}
