//! What stages name: models of this server, and of others.

use super::application::{DeploymentSpec, Known};
use super::fault::Faults;
use super::stages::StageSpec;

/// A fault of the models that a stage names, as a sentence.
pub(super) fn fault_of(stage: &StageSpec, known: &Known<'_>) -> Option<String> {
    let generates = matches!(stage, StageSpec::Generate(_));
    let mut unfit = stage.models().filter(|model| {
        let remote = generates && known.upstreams.contains(*model);
        !remote && !known.models.contains(*model)
    });
    let model = unfit.next()?;
    let listed = |names: Vec<&String>| match names.as_slice() {
        [] => "none".to_owned(),
        names => {
            let names: Vec<_> = names.iter().map(|name| name.as_str()).collect();
            names.join(", ")
        }
    };
    let models = listed(known.models.iter().collect());
    Some(if known.upstreams.contains(model) {
        format!(
            "`{model}` is an upstream, whose tokens cannot be counted here; `tokenizer` names one of \
             `models`: {models}"
        )
    } else {
        let there = match generates {
            true => listed(known.models.union(known.upstreams).collect()),
            false => models,
        };
        format!(
            "no model is called `{}`; there are {there}",
            model.escape_debug()
        )
    })
}

/// Prompts with a budget need a model that counts: the first that generates, unless one is named.
pub(super) fn check_counting(deployments: &[&DeploymentSpec], known: &Known<'_>, f: &mut Faults) {
    let mut generating = deployments
        .iter()
        .filter(|d| matches!(d.stage, StageSpec::Generate(_)))
        .flat_map(|d| d.stage.models());
    let Some(upstream) = generating
        .next()
        .filter(|model| known.upstreams.contains(*model))
    else {
        return;
    };
    for deployment in deployments {
        let StageSpec::Prompt(options) = &deployment.stage else {
            continue;
        };
        if let Some(budget) = &options.budget
            && budget.tokenizer.is_none()
        {
            let message = format!(
                "`{}` counts the tokens of its prompts for `{upstream}`, an upstream, whose tokenizer is \
                 not here; name one of `models` as its `tokenizer`",
                deployment.name
            );
            f.note(deployment.at, message);
        }
    }
}
