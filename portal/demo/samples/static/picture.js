// What the camera sees: a harbour gate, drawn, because a sample should not ask for anybody's camera.
const boat = (paper, x, y, colour) => {
  paper.fillStyle = colour;
  paper.beginPath();
  paper.moveTo(x - 26, y);
  paper.lineTo(x + 26, y);
  paper.lineTo(x + 16, y + 12);
  paper.lineTo(x - 16, y + 12);
  paper.closePath();
  paper.fill();
  paper.fillRect(x - 2, y - 30, 3, 30);
  paper.beginPath();
  paper.moveTo(x + 3, y - 29);
  paper.lineTo(x + 22, y - 4);
  paper.lineTo(x + 3, y - 4);
  paper.closePath();
  paper.fill();
};

const scene = (paper, { width, height }, at) => {
  const seconds = at / 1000;
  paper.fillStyle = "#bfe0e6";
  paper.fillRect(0, 0, width, height);
  paper.fillStyle = "#2f7f8c";
  paper.fillRect(0, height * 0.62, width, height);
  paper.strokeStyle = "#63c5d0";
  paper.lineWidth = 3;
  for (let row = 0; row < 4; row += 1) {
    paper.beginPath();
    for (let x = 0; x <= width; x += 12) {
      paper.lineTo(x, height * (0.68 + row * 0.08) + 4 * Math.sin(x / 26 + seconds * 2 + row));
    }
    paper.stroke();
  }
  boat(paper, ((seconds * 40) % (width + 120)) - 60, height * 0.6 + 3 * Math.sin(seconds * 2), "#5c4300");
  paper.fillStyle = "#13212a";
  paper.fillRect(width - 70, height * 0.28, 12, height * 0.36);
  paper.fillStyle = Math.floor(seconds) % 2 ? "#fdf3d7" : "#b3261e";
  paper.fillRect(width - 74, height * 0.22, 20, 18);
  paper.font = "16px ui-monospace, monospace";
  paper.fillStyle = "#13212a";
  paper.fillText(`Harbour gate  ${new Date(at).toISOString().slice(11, 19)} UTC`, 14, 28);
};

/** Draw on `canvas` until it is told to stop; returns the moving picture and the way to stop it. */
export const harbour = (canvas) => {
  const paper = canvas.getContext("2d");
  const draw = () => scene(paper, canvas, Date.now());
  draw();
  // Not requestAnimationFrame: a camera films on while its tab is in the background.
  const beat = setInterval(draw, 100);
  return { stream: canvas.captureStream(10), stop: () => clearInterval(beat) };
};
