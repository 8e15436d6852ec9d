// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//! A server of pictures with axum, libjpeg-turbo, fast_image_resize and ONNX Runtime, which ours is measured beside. It answers
//! POST /predict as ours does, but knows one model, one format and no limits but that of its queue.
//!
//! The environment configures it: PORT, MODEL, LIBRARY (the file of ONNX Runtime), WORKERS (threads that decode, and without
//! batches compute), THREADS (those of one inference) and BATCH (the most pictures that are computed together; 1: none are).

mod picture;

use std::{env, thread};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use crossbeam_channel::{Receiver, Sender, bounded};
use ort::{
    environment::Environment,
    session::{Session, builder::GraphOptimizationLevel},
    value::TensorRef,
};
use picture::{Decoder, PIXELS, SIZE};
use tokio::sync::oneshot;

const CLASSES: [&str; 2] = ["cat", "dog"];
/// How many requests wait at most; others are turned away.
const QUEUE: usize = 64;
const LARGEST_BODY: usize = 16 << 20;

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Answer = Result<[f32; CLASSES.len()], String>;

/// A picture to classify.
struct Job {
    file: Bytes,
    answer: oneshot::Sender<Answer>,
}

/// A picture that was decoded.
struct Decoded {
    tensor: Vec<f32>,
    answer: oneshot::Sender<Answer>,
}

fn number(name: &str, fallback: usize) -> usize {
    env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(fallback)
}

fn main() -> Result<(), Failure> {
    let library = env::var("LIBRARY")?;
    let environment = ort::environment::init_from(&library)?.build()?;
    let (workers, batch) = (number("WORKERS", 2), number("BATCH", 1));
    let (jobs, queue) = bounded::<Job>(QUEUE);
    if batch == 1 {
        for _ in 0..workers {
            let (session, queue) = (session(&environment)?, queue.clone());
            thread::spawn(move || classify_alone(session, queue));
        }
    } else {
        let (decoded, ready) = bounded::<Decoded>(QUEUE);
        for _ in 0..workers {
            let (decoded, queue) = (decoded.clone(), queue.clone());
            thread::spawn(move || decode(queue, decoded));
        }
        let session = session(&environment)?;
        thread::spawn(move || classify_together(session, ready, batch));
    }
    let app = Router::new()
        .route("/predict", post(predict))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(jobs);
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", u16::try_from(number("PORT", 8080))?)).await?;
        axum::serve(listener, app).await?;
        Ok(())
    })
}

fn session(environment: &Environment) -> Result<Session, ort::Error> {
    let model = env::var("MODEL").expect("MODEL names a file");
    let mut session = Session::builder(environment)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(number("THREADS", 1))?
        .commit_from_file(model)?;
    run(&mut session, &vec![0.0; PIXELS])?; // the first inference allocates
    Ok(session)
}

/// The logits of a batch.
fn run(session: &mut Session, tensors: &[f32]) -> Result<Vec<f32>, ort::Error> {
    let shape = [tensors.len() / PIXELS, 3, SIZE, SIZE];
    let outputs = session.run(ort::inputs![TensorRef::from_array_view((shape, tensors))?])?;
    Ok(outputs[0].try_extract_tensor::<f32>()?.1.to_vec())
}

async fn predict(State(jobs): State<Sender<Job>>, file: Bytes) -> Response {
    let (answer, answered) = oneshot::channel();
    if jobs.try_send(Job { file, answer }).is_err() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match answered.await {
        Ok(Ok(logits)) => ([(header::CONTENT_TYPE, "application/json")], describe(logits)).into_response(),
        Ok(Err(cause)) => (StatusCode::BAD_REQUEST, cause).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn describe(logits: [f32; CLASSES.len()]) -> String {
    let most = logits.iter().copied().fold(f32::MIN, f32::max);
    let exponentials = logits.map(|v| f64::from(v - most).exp());
    let sum: f64 = exponentials.iter().sum();
    let probabilities = exponentials.map(|v| v / sum);
    let best = if probabilities[1] > probabilities[0] { 1 } else { 0 };
    serde_json::json!({
        "class": CLASSES[best],
        "confidence": probabilities[best],
        "probabilities": {CLASSES[0]: probabilities[0], CLASSES[1]: probabilities[1]},
    })
    .to_string()
}

/// Decodes and computes one picture after the other.
fn classify_alone(mut session: Session, queue: Receiver<Job>) {
    let (mut decoder, mut tensor) = (Decoder::new(), vec![0.0; PIXELS]);
    for job in queue {
        let found = decoder
            .decode(&job.file, &mut tensor)
            .and_then(|()| Ok(run(&mut session, &tensor)?))
            .map(|logits| [logits[0], logits[1]])
            .map_err(|cause| cause.to_string());
        let _ = job.answer.send(found); // whoever asked may be gone
    }
}

/// Decodes pictures for classify_together.
fn decode(queue: Receiver<Job>, decoded: Sender<Decoded>) {
    let mut decoder = Decoder::new();
    for Job { file, answer } in queue {
        let mut tensor = vec![0.0; PIXELS];
        match decoder.decode(&file, &mut tensor) {
            Ok(()) => decoded.send(Decoded { tensor, answer }).unwrap_or_else(|_| unreachable!("the receiver lives as long as the process")),
            Err(cause) => drop(answer.send(Err(cause.to_string()))),
        }
    }
}

/// Computes what is ready together, without waiting for more.
fn classify_together(mut session: Session, ready: Receiver<Decoded>, batch: usize) {
    let mut tensors = Vec::with_capacity(batch * PIXELS);
    while let Ok(first) = ready.recv() {
        let pictures: Vec<Decoded> = std::iter::once(first).chain(ready.try_iter().take(batch - 1)).collect();
        tensors.clear();
        for picture in &pictures {
            tensors.extend_from_slice(&picture.tensor);
        }
        let found = run(&mut session, &tensors).map_err(|cause| cause.to_string());
        for (i, picture) in pictures.into_iter().enumerate() {
            let logits = found.as_ref().map(|all| [all[2 * i], all[2 * i + 1]]);
            let _ = picture.answer.send(logits.map_err(Clone::clone));
        }
    }
}
