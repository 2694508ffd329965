//! Functions of values: `abs ceil floor round clamp clamp_min clamp_max exp ln log2 log10 sqrt sgn`.

use super::PromqlError;

/// Of a value, and of the numbers beside it.
pub(super) type OfValue = fn(f64, &[f64]) -> Option<f64>;

/// What a function makes of a value and of its numbers at that instant; `numbers` is how many it is given.
pub(super) fn of_value(name: &str, numbers: usize) -> Result<OfValue, PromqlError> {
    let function: OfValue = match name {
        "abs" => |value, _| Some(value.abs()),
        "ceil" => |value, _| Some(value.ceil()),
        "floor" => |value, _| Some(value.floor()),
        "exp" => |value, _| Some(value.exp()),
        "ln" => |value, _| Some(value.ln()),
        "log2" => |value, _| Some(value.log2()),
        "log10" => |value, _| Some(value.log10()),
        "sqrt" => |value, _| Some(value.sqrt()),
        "sgn" => |value, _| Some(if value == 0.0 || value.is_nan() { value } else { value.signum() }),
        // To the nearest multiple, ties upwards.
        "round" => |value, numbers| {
            let to = numbers.first().copied().unwrap_or(1.0);
            Some((value / to + 0.5).floor() * to)
        },
        "clamp_min" => |value, numbers| Some(value.max(*numbers.first()?)),
        "clamp_max" => |value, numbers| Some(value.min(*numbers.first()?)),
        "clamp" => |value, numbers| {
            let (least, most) = (*numbers.first()?, *numbers.get(1)?);
            (least <= most).then(|| value.max(least).min(most))
        },
        _ => return Err(PromqlError::refused(&format!("the function {name}"))),
    };
    let takes = match name {
        "round" => 0..=1,
        "clamp" => 2..=2,
        "clamp_min" | "clamp_max" => 1..=1,
        _ => 0..=0,
    };
    if takes.contains(&numbers) {
        Ok(function)
    } else {
        Err(PromqlError::BadData(format!("{name} does not take {numbers} numbers beside a vector")))
    }
}
