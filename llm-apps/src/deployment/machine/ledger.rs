//! Who has reserved what.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use thiserror::Error;

use super::resources::{Resources, Share};

/// The CPUs and GPUs that replicas reserve, and how much of them is free.
pub struct Machine {
    /// None where nothing is counted.
    books: Option<Books>,
}

struct Books {
    cpus: usize,
    gpus: usize,
    free: Mutex<Free>,
}

/// What is free: of all CPUs together, of each GPU by itself.
#[derive(Debug, Clone)]
struct Free {
    cpus: Share,
    gpus: Vec<Share>,
}

/// A share of a machine, which is free again when this is dropped.
pub struct Reservation {
    machine: Arc<Machine>,
    resources: Resources,
    /// From which GPUs, and how much of each.
    devices: Vec<(usize, Share)>,
}

/// Why a share cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Shortage {
    /// The machine never has so much.
    #[error("{wanted} are more than the machine has: {cpus} CPUs and {gpus} GPUs")]
    Beyond {
        /// What is wanted.
        wanted: Resources,
        /// What there is.
        cpus: usize,
        /// What there is.
        gpus: usize,
    },
    /// Others have it now.
    #[error("{wanted} are not free: {cpus} CPUs and {gpus} GPUs are")]
    Taken {
        /// What is wanted.
        wanted: Resources,
        /// What is free.
        cpus: Share,
        /// What is free, of all GPUs together.
        gpus: Share,
    },
}

impl Machine {
    /// A machine of which so much may be reserved.
    pub fn new(cpus: usize, gpus: usize) -> Self {
        let free = Free {
            cpus: Share::whole(cpus),
            gpus: vec![Share::ONE; gpus],
        };
        let books = Books {
            cpus,
            gpus,
            free: Mutex::new(free),
        };
        Self { books: Some(books) }
    }

    /// One on which nothing is counted: every share is free.
    pub fn unbounded() -> Self {
        Self { books: None }
    }

    /// Whether the machine could ever give so much to one replica.
    ///
    /// # Errors
    /// [`Shortage::Beyond`].
    pub fn has(&self, wanted: Resources) -> Result<(), Shortage> {
        let Some(books) = &self.books else {
            return Ok(());
        };
        if wanted.cpus > Share::whole(books.cpus) || wanted.gpus > Share::whole(books.gpus) {
            return Err(Shortage::Beyond {
                wanted,
                cpus: books.cpus,
                gpus: books.gpus,
            });
        }
        Ok(())
    }

    /// Reserves `wanted`: all of it, or nothing.
    ///
    /// # Errors
    /// [`Shortage`] says what is missing.
    pub fn reserve(self: &Arc<Self>, wanted: Resources) -> Result<Reservation, Shortage> {
        self.has(wanted)?;
        let devices = match &self.books {
            None => Vec::new(),
            Some(books) => {
                let mut free = books.free.lock();
                free.take(wanted).ok_or_else(|| free.shortage(wanted))?
            }
        };
        Ok(Reservation {
            machine: Arc::clone(self),
            resources: wanted,
            devices,
        })
    }

    /// Whether `wanted` could be reserved if `given_up` were free.
    pub fn would_fit(&self, wanted: Resources, given_up: Option<&Reservation>) -> bool {
        let Some(books) = &self.books else {
            return true;
        };
        let mut free = books.free.lock().clone();
        if let Some(given_up) = given_up {
            free.put(given_up.resources.cpus, &given_up.devices);
        }
        free.take(wanted).is_some()
    }
}

impl Free {
    /// The devices of the share, or nothing where it is not free. A part of a GPU is of the device that
    /// has least room for it, so that whole ones stay whole; more than one are free to the last part.
    fn take(&mut self, wanted: Resources) -> Option<Vec<(usize, Share)>> {
        if wanted.cpus > self.cpus {
            return None;
        }
        let mut devices = Vec::new();
        if !wanted.gpus.is_none() {
            let fits = |(_, free): &(usize, &Share)| **free >= wanted.gpus.min(Share::ONE);
            let mut fitting: Vec<_> = self.gpus.iter().enumerate().filter(fits).collect();
            fitting.sort_by_key(|(_, free)| **free);
            let count = wanted.gpus.as_whole().unwrap_or(1).max(1);
            let each = wanted.gpus.min(Share::ONE);
            devices.extend(fitting.iter().take(count).map(|(index, _)| (*index, each)));
            if devices.len() < count {
                return None;
            }
        }
        self.cpus = self.cpus.minus(wanted.cpus);
        for (index, share) in &devices {
            self.gpus[*index] = self.gpus[*index].minus(*share);
        }
        Some(devices)
    }

    fn put(&mut self, cpus: Share, devices: &[(usize, Share)]) {
        self.cpus = self.cpus.plus(cpus);
        for (index, share) in devices {
            self.gpus[*index] = self.gpus[*index].plus(*share);
        }
    }

    fn shortage(&self, wanted: Resources) -> Shortage {
        let gpus = self.gpus.iter();
        Shortage::Taken {
            wanted,
            cpus: self.cpus,
            gpus: gpus.fold(Share::NONE, |sum, free| sum.plus(*free)),
        }
    }
}

impl Reservation {
    /// What is reserved.
    pub fn resources(&self) -> Resources {
        self.resources
    }

    /// Changes it to `wanted`, or leaves it as it is.
    ///
    /// # Errors
    /// [`Shortage`] says what is missing.
    pub fn change(&mut self, wanted: Resources) -> Result<(), Shortage> {
        self.machine.has(wanted)?;
        if let Some(books) = &self.machine.books {
            let mut free = books.free.lock();
            let mut after = free.clone();
            after.put(self.resources.cpus, &self.devices);
            let Some(devices) = after.take(wanted) else {
                return Err(after.shortage(wanted));
            };
            *free = after;
            self.devices = devices;
        }
        self.resources = wanted;
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(books) = &self.machine.books {
            let mut free = books.free.lock();
            free.put(self.resources.cpus, &self.devices);
        }
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = f.debug_struct("Machine");
        if let Some(books) = &self.books {
            told.field("cpus", &books.cpus)
                .field("gpus", &books.gpus)
                .field("free", &books.free.lock());
        }
        told.finish_non_exhaustive()
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation")
            .field("resources", &self.resources)
            .field("devices", &self.devices)
            .finish_non_exhaustive()
    }
}
